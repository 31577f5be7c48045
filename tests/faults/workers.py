"""The functions as on Lambda: their own handlers over their own composition, and what invokes them."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import uuid
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from aws_lambda_powertools.shared import user_agent
from aws_lambda_powertools.utilities.idempotency.persistence import base as idempotency_layer
from aws_lambda_powertools.utilities.idempotency.persistence import datarecord as idempotency_record
from aws_lambda_powertools.utilities.idempotency.persistence import dynamodb as idempotency_table
from botocore import endpoint
from ministack.services import sqs

from lambdas import step_log
from lambdas.adapters.dynamodb import batches
from lambdas.services import drain_dead_letters
from orders.local.standins import clock as stand_in_clock
from orders.local.standins.warehouse import depot
from stacks.timeouts import FUNCTION_SECONDS, MAX_RECEIVES, claim_seconds
from tests.adapters.tables import FAILURES, IDEMPOTENCY, INVENTORY, LEDGER, ORDERS
from tests.fakes.fresh_metrics import with_fresh_metrics
from tests.fakes.in_turn import InTurn
from tests.faults.asl import Execution, TaskFailed
from tests.faults.faults import FunctionEnded
from tests.faults.outside import PAGER_URL, PROVIDER_URL, WAREHOUSE_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    import pytest

    from stacks.timeouts import FunctionName
    from tests.faults.aws import Aws
    from tests.faults.clock import StoppedTime
    from tests.faults.outside import Outside
    from tests.faults.wire import Wire

P = ParamSpec("P")
T = TypeVar("T")

STATE_MACHINE: Final = "arn:aws:states:eu-west-1:123456789012:stateMachine:process-order"
REDELIVERY_DELAYS: Final = (30, 120, 600)
PROBE_SECONDS: Final = 30
FUNCTIONS: Final[tuple[FunctionName, ...]] = (
    "ingest",
    "dispatch",
    "validate",
    "payment",
    "fulfil",
    "watchdog",
    "replay",
    "alert",
)
_LOOKING_AT_A_CLOCK: Final = (batches, endpoint, sqs, stand_in_clock, depot)
_LOOKING_AT_A_CALENDAR: Final = (idempotency_layer, idempotency_record, idempotency_table)
# What a module calls the thing that `build` makes.
_BUILT: Final = {
    "ingest": "api",
    "dispatch": "dispatch",
    "validate": "steps",
    "payment": "steps",
    "fulfil": "steps",
    "watchdog": "watch",
    "replay": "drain",
    "alert": "reconcile",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What is read of Lambda's context."""

    function_name: FunctionName
    memory_limit_in_mb: str = "512"
    aws_request_id: str = "request-1"

    @property
    def invoked_function_arn(self) -> str:
        """Any."""
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """All of the function's time: it has just begun."""
        return FUNCTION_SECONDS[self.function_name] * 1_000


class AtOnce(Executor):
    """An executor without threads, for those whose jobs are waited for one by one."""

    def __init__(self, max_workers: int = 1) -> None:
        """Take the number of workers, as `ThreadPoolExecutor` does; there is none."""
        del max_workers

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do a job."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@dataclass(slots=True)
class Workers:
    """All functions, loaded; `restart` replaces what a killed worker had in memory."""

    wire: Wire
    aws: Aws
    outside: Outside
    time: StoppedTime
    modules: dict[str, ModuleType] = field(default_factory=dict)

    def load(self, patch: pytest.MonkeyPatch) -> None:
        """Import the handlers over the tests' world."""
        for name, value in self._variables().items():
            patch.setenv(name, value)
        clients = importlib.import_module("lambdas.adapters.clients")
        patch.setattr(clients, "make_client", self.aws.client)
        pools = importlib.import_module("lambdas.adapters.stripe_api")
        patch.setattr(pools, "make_pool", lambda: self.outside.pool(self.wire))
        for name in FUNCTIONS:
            # Powertools keeps a logger of this name with its level and its output.
            patch.setenv("POWERTOOLS_SERVICE_NAME", f"faults-{name}")
            with_fresh_metrics(patch)
            sys.modules.pop(_module_of(name), None)
            module = importlib.import_module(_module_of(name))
            module.logger.setLevel(logging.CRITICAL)
            if hasattr(module, "utc_now"):
                patch.setattr(module, "utc_now", self.time.clock)
            self.modules[name] = module
        self._stop_time(patch)
        patch.setattr(drain_dead_letters, "ThreadPoolExecutor", AtOnce)
        # A thread per step, which waits for the end of the function's time to say so in the log.
        patch.setattr(step_log, "_just_before_the_end", lambda *_: SimpleNamespace(cancel=lambda: None))
        # It would add itself once more to the kept client's user agent with every worker.
        for unheard in ("add_metric", "flush_metrics"):
            patch.setattr(AmazonCloudWatchEMFProvider, unheard, lambda *_, **__: None)
        patch.setattr(user_agent, "register_feature_to_client", lambda **_: None)
        self.restart()

    def unload(self) -> None:
        """Let the next test that loads them load them anew."""
        for name in FUNCTIONS:
            sys.modules.pop(_module_of(name), None)

    def restart(self) -> None:
        """Compose everything anew, as a new process does."""
        for name, module in self.modules.items():
            built = module.build()
            if name == "fulfil":
                built.fulfil.warehouse.pool = self.outside.pool(self.wire)
                built = replace(
                    built,
                    fulfil=replace(built.fulfil, stock=self._stopped(built.fulfil.stock)),
                    restock=replace(built.restock, stock=self._stopped(built.restock.stock)),
                )
            if name == "dispatch":
                built = replace(built, executor=InTurn)
            if name in {"replay", "alert"}:
                built.tell.pager.pool = self.outside.pool(self.wire)
            setattr(module, _BUILT[name], built)

    def invoke(self, name: FunctionName, event: dict[str, Any]) -> Any:
        """Run a function on an event."""
        with self.wire.on_behalf_of(name):
            return self.modules[name].handle(event, Context(name))

    def run_workflow(self, name: str, command: str) -> dict[str, Any]:
        """Run an execution, and return the members of StartSyncExecution's answer."""
        with self.wire.on_behalf_of("workflow"):
            ended = Execution(name, _Integrations(self), self.time.sleep).run(json.loads(command))
        output = {"output": json.dumps(ended.output)} if ended.status == "SUCCEEDED" else {}
        failure = {"error": ended.error, "cause": ended.cause} if ended.error else {}
        arn = f"{STATE_MACHINE}:{name}"
        now = self.time.time()
        return {
            "executionArn": arn,
            "status": ended.status,
            "startDate": now,
            "stopDate": now,
            **output,
            **failure,
        }

    def _stop_time(self, patch: pytest.MonkeyPatch) -> None:
        """Let every module that a case goes through, the engine's too, look at the tests' clock."""
        self.time.replace_in(patch, self.modules["dispatch"], *_LOOKING_AT_A_CLOCK)
        for module in _LOOKING_AT_A_CALENDAR:
            patch.setattr(module, "dt", self.time.datetime_module())

    def _stopped(self, stock: Any) -> Any:
        return replace(stock, pause=self.time.sleep, now=self.time.time)

    def _variables(self) -> dict[str, str]:
        return {
            "ENVIRONMENT": "dev",
            "ORDERS_TABLE": ORDERS,
            "INVENTORY_TABLE": INVENTORY,
            "IDEMPOTENCY_TABLE": IDEMPOTENCY,
            "LEDGER_TABLE": LEDGER,
            "ORDERS_QUEUE_URL": self.aws.queue_url,
            "AUTH_MODE": "local",
            "STATE_MACHINE_ARN": STATE_MACHINE,
            "MAX_RECEIVES": str(MAX_RECEIVES),
            "STARTS_PER_SECOND": "1000000",
            "PROBE_SECONDS": str(PROBE_SECONDS),
            "REDELIVERY_DELAYS": ",".join(map(str, REDELIVERY_DELAYS)),
            "CLAIM_SECONDS": str(claim_seconds()),
            "PAYMENT_SECRET_ID": "payment",
            "PAYMENT_API_BASE": PROVIDER_URL,
            "WAREHOUSE_SECRET_ID": "warehouse",
            "WAREHOUSE_URL": WAREHOUSE_URL,
            "STALE_MINUTES": "30",
            "AUTHORISATION_WARNING_DAYS": "3",
            "AUTHORISATION_EXPIRY_DAYS": "5",
            "FAILURES_TABLE": FAILURES,
            "CODE_VERSION": "1",
            "ARCHIVE_BUCKET": "archive",
            "UNREADABLE_BUCKET": "unreadable",
            "PAGERDUTY_SECRET_ID": "pagerduty",
            "PAGERDUTY_URL": PAGER_URL,
            "PAGING_GAP_SECONDS": "60",
            "RUNBOOKS": "docs/runbooks",
            "POWERTOOLS_METRICS_NAMESPACE": "Orders",
        }


@dataclass(frozen=True, slots=True)
class _Integrations:
    """What the state machine calls."""

    workers: Workers

    def invoke(self, function: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function; what it raises is reported as Lambda's Python runtime does."""
        try:
            answer = self.workers.invoke(_known(function), json.loads(json.dumps(payload)))
        except FunctionEnded as ended:
            self.workers.restart()
            raise TaskFailed("Runtime.ExitError") from ended
        except Exception as error:
            raise TaskFailed(type(error).__name__, str(error)) from error
        decoded: dict[str, Any] = json.loads(json.dumps(answer))
        return decoded

    def put_events(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Send events as the service integration does, which asks for the detail as a text."""
        sent = [{**entry, "Detail": json.dumps(entry["Detail"])} for entry in entries]
        try:
            answer: dict[str, Any] = self.workers.aws.client("events", attempts=1).put_events(Entries=sent)
        except Exception as error:
            raise TaskFailed(f"EventBridge.{type(error).__name__}", str(error)) from error
        return {"FailedEntryCount": answer["FailedEntryCount"]}


def new_request_id() -> str:
    """Name a request to the API."""
    return uuid.uuid4().hex


def _known(function: str) -> FunctionName:
    return next(name for name in FUNCTIONS if name == function)


def _module_of(name: str) -> str:
    return f"lambdas.{name}.handler"


def all_modules() -> Iterator[str]:
    """Name the modules of the functions."""
    yield from map(_module_of, FUNCTIONS)
