"""What pages an operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly


def test_the_alarms_and_what_they_watch(prod: Assembly) -> None:
    alarms = {name: alarm["Properties"] for name, alarm in prod.resources("AWS::CloudWatch::Alarm").items()}
    assert {name: alarm.get("MetricName") for name, alarm in alarms.items()} == {
        "DeadLetters": None,  # a sum, see below
        "OrdersWaiting": "ApproximateAgeOfOldestMessage",
        "DispatchErrors": "Errors",
        "DispatchThrottles": "Throttles",
        "ExecutionsFailed": "ExecutionsFailed",
        "ExecutionsTimedOut": "ExecutionsTimedOut",
        "ApiServerErrors": "5xx",
        "OutsideDown": None,  # a sum too
        "WatchdogErrors": "Errors",
        "WatchdogSilent": "Invocations",
        "AuthorisationsExpiring": "AuthorisationsExpiring",
        "SealErrors": "Errors",
        "SealSilent": "Invocations",
        "EntriesLate": "EntriesLate",
        "OrdersStuck": "OrdersStuck",
        "PaymentOutcomesUnknown": "PaymentOutcomesUnknown",
        "OpenFailures": "OpenFailures",
        "FailuresQuarantined": "FailuresQuarantined",
        "PagesPending": "AlertsPending",
        "PagesRefused": "AlertsRefused",
        "ReplayErrors": "Errors",
        "AlertErrors": "Errors",
        "AlertSilent": "Invocations",
    }
    for name, alarm in alarms.items():
        assert [short_name(action) for action in alarm["AlarmActions"]] == ["Alarms"]
        assert alarm["AlarmDescription"]
        if not name.endswith("Silent"):
            assert alarm["TreatMissingData"] == "notBreaching"
            assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_dead_letters_page_after_fifteen_minutes_read_or_not(prod: Assembly) -> None:
    alarm = prod.properties("AWS::CloudWatch::Alarm", "DeadLetters")
    metrics = {metric["Id"]: metric for metric in alarm["Metrics"]}
    watched = {
        metric["MetricStat"]["Metric"]["MetricName"]: metric["MetricStat"]["Period"]
        for metric in metrics.values()
        if "MetricStat" in metric
    }
    assert watched == {
        "ApproximateNumberOfMessagesVisible": 300,
        "ApproximateNumberOfMessagesNotVisible": 300,
    }
    assert alarm["Threshold"] == 0
    assert alarm["EvaluationPeriods"] * 300 == 15 * 60


def test_a_watchdog_that_does_not_run_is_heard_of(prod: Assembly) -> None:
    """A disabled schedule, a lost permission: no data is the worst of data."""
    alarm = prod.properties("AWS::CloudWatch::Alarm", "WatchdogSilent")
    schedule = prod.properties("AWS::Scheduler::Schedule", "WatchdogSchedule")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] >= 3 * minutes(schedule["ScheduleExpression"]) * 60
    assert [short_name(dimension["Value"]) for dimension in alarm["Dimensions"]] == ["WatchdogFunction"]


def test_the_alarm_on_authorisations_watches_the_metric_that_the_watchdog_writes(prod: Assembly) -> None:
    """`tests/e2e` reads the same names off the function's log."""
    alarm = prod.properties("AWS::CloudWatch::Alarm", "AuthorisationsExpiring")
    function = prod.properties("AWS::Lambda::Function", "WatchdogFunction")["Environment"]["Variables"]
    schedule = prod.properties("AWS::Scheduler::Schedule", "WatchdogSchedule")
    assert alarm["Namespace"] == function["POWERTOOLS_METRICS_NAMESPACE"]
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
        "environment": function["ENVIRONMENT"],
        "service": function["POWERTOOLS_SERVICE_NAME"],
    }
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0)
    assert alarm["Period"] > minutes(schedule["ScheduleExpression"]) * 60


def minutes(rate: str) -> int:
    """The interval of a schedule."""
    found = re.fullmatch(r"rate\((\d+) minutes?\)", rate)
    assert found
    return int(found.group(1))


def test_the_local_engine_is_given_no_alarms(local: Assembly) -> None:
    assert not local.resources("AWS::CloudWatch::Alarm")
    assert "operations" not in local.templates
