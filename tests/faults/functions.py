"""The real functions, loaded as Lambda loads them, over the wire."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
import warnings
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import botocore.endpoint

from lambdas.adapters import clients, stripe_api
from lambdas.adapters.http_warehouse import HttpWarehouse
from lambdas.adapters.pagerduty import PagerDuty
from tests.adapters.tables import FAILURES, IDEMPOTENCY, INVENTORY, LEDGER, ORDERS
from tests.fakes.fresh_metrics import with_fresh_metrics
from tests.fakes.pipeline import CLAIM_SECONDS, STEPS
from tests.faults.aws_wire import watched_session
from tests.faults.http_wire import WatchedPool
from tests.faults.kinds import EverythingDied, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import pytest

    from lambdas.adapters.secrets import CachedSecret
    from lambdas.domain.identifiers import OrderId
    from tests.fakes.clock import FakeClock
    from tests.faults.wire import Wire

# What each module calls the thing that `build` makes.
BUILT: Final = {
    "ingest": "api",
    "dispatch": "dispatch",
    "validate": "steps",
    "payment": "steps",
    "fulfil": "steps",
    "watchdog": "watch",
    "replay": "drain",
    "alert": "reconcile",
}
SERVICE: Final = "faults"
PAYMENT_SECRET, WAREHOUSE_SECRET, PAGER_SECRET = "payment", "warehouse", "pagerduty"
ARCHIVE, UNREADABLE = "archive", "unreadable"
# How Lambda tells the workflow that a function's process ended.
ExitError: Final = type("Runtime.ExitError", (Exception,), {})


@dataclass(frozen=True)
class Context:
    """What Powertools and the handlers read of Lambda's context.

    Time is short on purpose: the lock of the authorisation lasts for so long, and the tests do not wait.
    """

    function_name: str = SERVICE
    memory_limit_in_mb: str = "512"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:faults"
    aws_request_id: str = "request-1"
    milliseconds: int = 1

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def environment_of(
    engine_url: str, queue_url: str, provider_url: str, warehouse_url: str, pager_url: str
) -> dict[str, str]:
    """The variables of all functions."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": engine_url,
        "ENVIRONMENT": "dev",
        "ORDERS_TABLE": ORDERS,
        "INVENTORY_TABLE": INVENTORY,
        "IDEMPOTENCY_TABLE": IDEMPOTENCY,
        "LEDGER_TABLE": LEDGER,
        "FAILURES_TABLE": FAILURES,
        "CODE_VERSION": "1",
        "ARCHIVE_BUCKET": ARCHIVE,
        "UNREADABLE_BUCKET": UNREADABLE,
        "PAGERDUTY_SECRET_ID": PAGER_SECRET,
        "PAGERDUTY_URL": pager_url,
        "PAGING_GAP_SECONDS": "60",
        "RUNBOOKS": "https://example.com/runbooks",
        "ORDERS_QUEUE_URL": queue_url,
        "AUTH_MODE": "local",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:process",
        "MAX_RECEIVES": "4",
        "STARTS_PER_SECOND": "100000",
        "PROBE_SECONDS": "30",
        "REDELIVERY_DELAYS": "30,120,600",
        "CLAIM_SECONDS": str(CLAIM_SECONDS),
        "PAYMENT_SECRET_ID": PAYMENT_SECRET,
        "PAYMENT_API_BASE": provider_url,
        "WAREHOUSE_SECRET_ID": WAREHOUSE_SECRET,
        "WAREHOUSE_URL": warehouse_url,
        "STALE_MINUTES": "30",
        "AUTHORISATION_WARNING_DAYS": "3",
        "AUTHORISATION_EXPIRY_DAYS": "5",
        "POWERTOOLS_SERVICE_NAME": SERVICE,
        "POWERTOOLS_METRICS_NAMESPACE": "Orders",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }


@dataclass(slots=True)
class Functions:
    """Every function as one process; `workflow` runs what dispatch starts."""

    wire: Wire
    clock: FakeClock
    modules: dict[str, ModuleType] = field(default_factory=dict)

    def load(
        self,
        patch: pytest.MonkeyPatch,
        variables: dict[str, str],
        start: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        """Load the modules; `start` answers StartSyncExecution."""
        for name, value in variables.items():
            patch.setenv(name, value)
        with_fresh_metrics(patch)
        session = watched_session(self.wire, {"StartSyncExecution": start})
        patch.setattr(clients, "_session", lambda: session)
        patch.setattr(stripe_api, "make_pool", lambda: WatchedPool(self.wire))
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))
        for name in BUILT:
            self.modules[name] = module = importlib.import_module(f"lambdas.{name}.handler")
            patch.setattr(module, "utc_now", self.clock)
        # The class took the maker of its pool when it was made.
        patch.setattr(self.modules["fulfil"], "HttpWarehouse", self._warehouse)
        for name in ("replay", "alert"):
            patch.setattr(self.modules[name], "PagerDuty", self._pager)
        seconds = SimpleNamespace(time=lambda: self.clock().timestamp())
        patch.setattr(self.modules["dispatch"], "time", seconds)
        for name in BUILT:
            self.start_anew(name)

    def _warehouse(self, secret: CachedSecret, url: str) -> HttpWarehouse:
        return HttpWarehouse(secret, url, WatchedPool(self.wire))

    def _pager(self, secret: CachedSecret, url: str) -> PagerDuty:
        return PagerDuty(secret, url, WatchedPool(self.wire))

    def unload(self) -> None:
        """Let nobody after these tests find them."""
        for name in BUILT:
            sys.modules.pop(f"lambdas.{name}.handler", None)
        logging.Logger.manager.loggerDict.pop(SERVICE, None)

    def start_anew(self, name: str) -> None:
        """Begin with a fresh process."""
        module = self.modules[name]
        setattr(module, BUILT[name], module.build())

    def call(self, name: str, event: dict[str, Any], milliseconds: int = 1) -> Any:
        """Call a function; one whose process died is started anew, and WorkerDied goes on."""
        try:
            # Their metrics go to the output, of which there is one for all; one that died has none to tell.
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
                return self.modules[name].handle(event, Context(milliseconds=milliseconds))
        except WorkerDied:
            self.start_anew(name)
            raise

    def step(self, name: str, order_id: OrderId, claim: str, **facts: str) -> dict[str, Any]:
        """Run a step of the workflow, as the walk through the definition asks for it."""
        function, action = STEPS[name]
        event = {"order_id": order_id, "claim": claim, **({"action": action} if action else {}), **facts}
        self.wire.step = True
        try:
            answer: dict[str, Any] = self.call(function, event)
        except EverythingDied:
            raise
        except WorkerDied:
            raise ExitError("the process ended") from None
        finally:
            self.wire.step = False
        return answer
