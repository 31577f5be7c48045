"""What pages an operator."""

from __future__ import annotations

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
    }
    for alarm in alarms.values():
        assert [short_name(action) for action in alarm["AlarmActions"]] == ["Alarms"]
        assert alarm["AlarmDescription"]
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


def test_the_local_engine_is_given_no_alarms(local: Assembly) -> None:
    assert not local.resources("AWS::CloudWatch::Alarm")
    assert "operations" not in local.templates
