"""Each alarm goes off by its cause, and ends with it: over what the functions really wrote, where they do."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.domain.failure import FailureState
from lambdas.domain.identifiers import Fingerprint, OrderId
from lambdas.domain.sealing import EntryKey, Unreadable
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.dispatch_batch import Decision, Dispatched, Message
from lambdas.services.drain_dead_letters import Batch, Drained
from lambdas.services.outage_guard import Change
from lambdas.services.reconcile_incidents import Reconciled
from lambdas.services.seal_ledger import Sealed
from lambdas.services.tell_pager import Told
from lambdas.services.watch_orders import Finding, Watched
from tests.fakes.failures_made import a_failure, a_letter
from tests.fakes.fresh_metrics import with_fresh_metrics
from tests.stacks.alarms import Metric, goes_off, written
from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from tests.stacks.alarms import Period
    from tests.stacks.templates import Assembly

MESSAGE: Final = Message("m", "r", "{}", 1)
UNKNOWN: Final = Execution(ExecutionState.FAILED, "authorise:PaymentOutcomeUnknown")
FINGERPRINT: Final = Fingerprint("fp_a")
# The service that each handler calls.
SERVICES: Final = {
    "dispatch": "dispatch",
    "watchdog": "watch",
    "replay": "drain",
    "alert": "reconcile",
    "seal": "seal",
}
NO_ENTRY: Final = Unreadable(EntryKey(OrderId("ord_a"), 1), "no entry")


@dataclass(frozen=True)
class Context:
    """What Powertools' logger and the handlers read of Lambda's context."""

    function_name: str = "any"
    memory_limit_in_mb: str = "512"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:any"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 50_000


@pytest.fixture
def emit(
    prod: Assembly, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str, Any], Period]]:
    """What a function writes when its service returns a result, in the environment of the template."""
    loaded: dict[str, ModuleType] = {}

    def load(name: str) -> ModuleType:
        function = prod.properties("AWS::Lambda::Function", f"{name.capitalize()}Function")
        for variable, value in function["Environment"]["Variables"].items():
            monkeypatch.setenv(variable, short_name(value))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        with_fresh_metrics(monkeypatch)
        sys.modules.pop(f"lambdas.{name}.handler", None)
        return importlib.import_module(f"lambdas.{name}.handler")

    def emit(name: str, result: Any) -> Period:
        handler = loaded.get(name) or loaded.setdefault(name, load(name))
        monkeypatch.setattr(handler, SERVICES[name], lambda _given: result)
        failed = 0.0
        try:
            handler.handle({"Records": []}, Context())
        except Exception:  # noqa: BLE001 - Lambda counts whatever the handler raises
            failed = 1.0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return {**written([line for line in lines if "_aws" in line]), **invocation(name, failed)}

    yield emit
    for name in loaded:
        sys.modules.pop(f"lambdas.{name}.handler", None)
        logging.Logger.manager.loggerDict.pop(name, None)  # it keeps the output of this test


def invocation(name: str, failed: float) -> Period:
    """What Lambda counts of an invocation: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    function = (("FunctionName", f"{name.capitalize()}Function"),)
    return {
        Metric("AWS/Lambda", "Invocations", function): [1.0],
        Metric("AWS/Lambda", "Errors", function): [failed],
    }


def dispatched(**changes: Any) -> list[Dispatched]:
    return [replace(Dispatched(MESSAGE, Decision.LATER), **changes)]


def watched(finding: Finding | None = None) -> Watched:
    found = Watched()
    if finding:
        found.findings[finding] = 1
    return found


def drained(state: FailureState) -> Batch:
    return Batch([Drained(a_letter(), failure=replace(a_failure(), state=state))])


FINE: Final = {
    "dispatch": dispatched(decision=Decision.DONE),
    "watchdog": watched(),
    "replay": drained(FailureState.OPEN),
    "alert": Reconciled(),
    "seal": Sealed(),
}
# Alarm, function, what causes it, and in how many periods on end.
CAUSES: Final = [
    ("OutsideDown", "dispatch", dispatched(breaker=Change.OPENED), 1),
    ("OutsideDown", "dispatch", dispatched(decision=Decision.PARKED), 1),
    ("PaymentOutcomesUnknown", "dispatch", dispatched(execution=UNKNOWN), 3),
    ("AuthorisationsExpiring", "watchdog", watched(Finding.EXPIRING), 1),
    ("OrdersStuck", "watchdog", watched(Finding.STUCK), 1),
    ("FailuresQuarantined", "replay", drained(FailureState.QUARANTINED), 1),
    ("OpenFailures", "alert", Reconciled(open=1), 3),
    ("PagesPending", "alert", Reconciled(pending=1), 3),
    ("PagesRefused", "alert", Reconciled(told={FINGERPRINT: Told.REFUSED}), 1),
    ("DispatchErrors", "dispatch", None, 1),  # a batch that fails as a whole
    ("WatchdogErrors", "watchdog", watched(Finding.FAILED), 1),
    ("ReplayErrors", "replay", Batch([Drained(a_letter(), fault=KeyError("ours"))]), 1),
    ("AlertErrors", "alert", Reconciled(fault="StoreUnavailable"), 1),
    ("SealErrors", "seal", Sealed(unreadable=[NO_ENTRY]), 1),
    ("EntriesLate", "seal", Sealed(late=["ent_a_1"]), 1),
]
# What AWS alone writes: alarm, metrics, and how many of what go off after how many periods.
SERVICES_OF_AWS: Final = [
    ("DeadLetters", {"ApproximateNumberOfMessagesVisible": 1, "ApproximateNumberOfMessagesNotVisible": 0}, 3),
    ("DeadLetters", {"ApproximateNumberOfMessagesVisible": 0, "ApproximateNumberOfMessagesNotVisible": 1}, 3),
    ("OrdersWaiting", {"ApproximateAgeOfOldestMessage": 901}, 3),
    ("DispatchThrottles", {"Throttles": 1}, 3),
    ("ExecutionsFailed", {"ExecutionsFailed": 11}, 2),
    ("ExecutionsTimedOut", {"ExecutionsTimedOut": 1}, 1),
    ("ApiServerErrors", {"5xx": 6}, 1),
]


@pytest.mark.parametrize(("name", "function", "cause", "periods"), CAUSES)
def test_an_alarm_goes_off_by_its_cause_and_ends_with_it(
    prod: Assembly,
    emit: Callable[[str, Any], Period],
    name: str,
    function: str,
    cause: object,
    periods: int,
) -> None:
    alarm = prod.properties("AWS::CloudWatch::Alarm", name)
    fine, bad = emit(function, FINE[function]), emit(function, cause)
    assert not goes_off(alarm, *[fine] * 3)
    assert not goes_off(alarm, fine, *[bad] * (periods - 1))
    assert goes_off(alarm, fine, *[bad] * periods)
    assert not goes_off(alarm, *[bad] * periods, *[fine] * alarm["EvaluationPeriods"])


def test_one_run_that_tells_pagerduty_in_time_is_no_page_that_is_pending(
    prod: Assembly, emit: Callable[[str, Any], Period]
) -> None:
    """Five runs share a period: a group that came just before a run may be told of by the next."""
    alarm = prod.properties("AWS::CloudWatch::Alarm", "PagesPending")
    pending, told = emit("alert", Reconciled(pending=1)), emit("alert", Reconciled())
    mixed = {metric: [*values, *told[metric]] for metric, values in pending.items()}
    assert not goes_off(alarm, *[mixed] * 3)


@pytest.mark.parametrize(("name", "values", "periods"), SERVICES_OF_AWS)
def test_an_alarm_on_what_aws_counts_goes_off_by_its_numbers(
    prod: Assembly, name: str, values: dict[str, float], periods: int
) -> None:
    """The engine has no such metrics: `test_operations` holds their names, and this what they come to."""
    alarm = prod.properties("AWS::CloudWatch::Alarm", name)
    of = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m] or [alarm]
    metrics = {metric.name: metric for metric in map(Metric.of, of)}
    assert metrics.keys() == values.keys()
    bad: Period = {metrics[metric]: [value] for metric, value in values.items()}
    fine: Period = {metric: [0.0] for metric in bad}
    assert not goes_off(alarm, *[fine] * 3)
    assert not goes_off(alarm, fine, *[bad] * (periods - 1))
    assert goes_off(alarm, fine, *[bad] * periods)
    assert not goes_off(alarm, *[bad] * periods, fine)


@pytest.mark.parametrize("name", ["watchdog", "alert", "seal"])
def test_a_schedule_that_runs_nothing_is_heard_of(prod: Assembly, name: str) -> None:
    alarm = prod.properties("AWS::CloudWatch::Alarm", f"{name.capitalize()}Silent")
    assert goes_off(alarm, invocation(name, 0.0), {})
    assert not goes_off(alarm, {}, invocation(name, 0.0))


def test_a_batch_of_which_one_letter_stays_is_no_error(
    prod: Assembly, emit: Callable[[str, Any], Period]
) -> None:
    alarm = prod.properties("AWS::CloudWatch::Alarm", "ReplayErrors")
    early = Batch([Drained(a_letter()), Drained(a_letter(1), fault=KeyError("ours"))])
    assert not goes_off(alarm, emit("replay", early))


def test_no_alarm_is_left_untried(prod: Assembly) -> None:
    tried = {name for name, *_ in (*CAUSES, *SERVICES_OF_AWS)} | {
        "WatchdogSilent",
        "AlertSilent",
        "SealSilent",
    }
    assert tried == prod.resources("AWS::CloudWatch::Alarm").keys()
