"""The alarm on an outage outside: it watches what dispatch really writes, and goes off once per outage."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.services.dispatch_batch import Decision, Dispatched, Message
from lambdas.services.outage_guard import Change
from stacks.environments import settings_for
from stacks.outage_alarm import PERIOD_SECONDS, longest_silence
from tests.fakes.fresh_metrics import with_fresh_metrics
from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.stacks.templates import Assembly

HANDLER = "lambdas.dispatch.handler"
MESSAGE = Message("m", "r", "{}", 1)
OPENED = Dispatched(MESSAGE, Decision.PARKED, breaker=Change.OPENED)
PARKED = Dispatched(MESSAGE, Decision.PARKED)


@dataclass(frozen=True)
class Context:
    """What Powertools' logger reads of Lambda's context."""

    function_name: str = "dispatch"
    memory_limit_in_mb: str = "256"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:dispatch"
    aws_request_id: str = "request-1"


@pytest.fixture
def alarm(prod: Assembly) -> dict[str, Any]:
    return prod.properties("AWS::CloudWatch::Alarm", "OutsideDown")


@pytest.fixture
def dispatch(prod: Assembly, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function's module, loaded with the environment that the template gives it."""
    function = prod.properties("AWS::Lambda::Function", "DispatchFunction")
    for name, value in function["Environment"]["Variables"].items():
        monkeypatch.setenv(name, short_name(value))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with_fresh_metrics(monkeypatch)
    sys.modules.pop(HANDLER, None)
    yield importlib.import_module(HANDLER)
    sys.modules.pop(HANDLER, None)
    logging.Logger.manager.loggerDict.pop("dispatch", None)  # it keeps the output of this test


def emitted(
    dispatch: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *results: Dispatched,
) -> list[dict[str, Any]]:
    """What CloudWatch makes metrics of, in what an invocation with these results prints."""
    monkeypatch.setattr(dispatch, "dispatch", lambda _messages: list(results))
    dispatch.handle({"Records": []}, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" in line]


def watched(alarm: dict[str, Any]) -> dict[tuple[str, str, tuple[tuple[str, str], ...]], str]:
    """The metrics that the alarm adds up: namespace, name and dimensions, each with its statistic."""
    found = {}
    for metric in (m["MetricStat"] for m in alarm["Metrics"] if "MetricStat" in m):
        of = metric["Metric"]
        dimensions = tuple(sorted((d["Name"], d["Value"]) for d in of["Dimensions"]))
        assert metric["Period"] == PERIOD_SECONDS
        found[of["Namespace"], of["MetricName"], dimensions] = metric["Stat"]
    return found


def written(line: dict[str, Any]) -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """The metrics that CloudWatch makes of a line in its embedded metric format."""
    return {
        (
            directive["Namespace"],
            metric["Name"],
            tuple(sorted((name, line[name]) for name in dimensions)),
        )
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def test_the_alarm_watches_the_metrics_that_dispatch_writes(
    alarm: dict[str, Any],
    dispatch: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (line,) = emitted(dispatch, monkeypatch, capsys, OPENED, PARKED, PARKED)
    assert set(watched(alarm).values()) == {"Sum"}
    assert watched(alarm).keys() == {
        metric for metric in written(line) if metric[1] != "PaymentOutcomesUnknown"
    }
    assert (line["BreakerOpened"], line["OrdersParked"]) == ([1.0], [3.0])


@pytest.mark.parametrize("change", [None, *(change for change in Change if change is not Change.OPENED)])
def test_nothing_else_that_happens_to_the_breaker_counts(
    dispatch: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Change | None,
) -> None:
    """A probe that fails comes every 30 seconds; a batch that met no outage writes no line at all."""
    result = Dispatched(MESSAGE, Decision.DONE, breaker=change)
    assert emitted(dispatch, monkeypatch, capsys, result) == []


def test_each_batch_counts_for_itself(
    dispatch: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = [
        (line["BreakerOpened"], line["OrdersParked"])
        for results in ([OPENED], [PARKED])
        for line in emitted(dispatch, monkeypatch, capsys, *results)
    ]
    assert counts == [([1.0], [1.0]), ([0.0], [1.0])]


def test_one_sign_sets_it_off_and_it_outlasts_the_longest_silence_of_an_outage(alarm: dict[str, Any]) -> None:
    (expression,) = (metric["Expression"] for metric in alarm["Metrics"] if "Expression" in metric)
    assert expression == "opened + parked"
    assert (alarm["Threshold"], alarm["DatapointsToAlarm"]) == (0, 1)
    remembered = (alarm["EvaluationPeriods"] - 1) * PERIOD_SECONDS
    assert remembered >= longest_silence(settings_for("prod", {"auth": "iam"})) == 4 * 180 + 750 + 300
    assert alarm["EvaluationPeriods"] * PERIOD_SECONDS <= 24 * 3600  # CloudWatch allows no more


def test_it_says_what_to_do(alarm: dict[str, Any]) -> None:
    for words in ("replay nothing", "breaker opened", "status pages"):
        assert words in alarm["AlarmDescription"]
