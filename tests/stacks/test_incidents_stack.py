"""The functions behind the pages: what feeds them, how many run at once, and what becomes of a failed run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly


def test_replay_drains_the_dead_letters_two_batches_at_a_time(prod: Assembly) -> None:
    mapping = prod.properties("AWS::Lambda::EventSourceMapping", "ReplayDrainDeadLetters")
    assert short_name(mapping["EventSourceArn"]) == "QueuesDeadLetters"
    assert short_name(mapping["FunctionName"]) == "ReplayFunction"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 2
    replay = prod.properties("AWS::Lambda::Function", "ReplayFunction")
    assert replay["ReservedConcurrentExecutions"] >= 2


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_alert_runs_every_minute_one_run_at_a_time_and_a_failed_one_is_left_to_the_next(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    assembly = assemblies[environment]
    schedule = assembly.properties("AWS::Scheduler::Schedule", "AlertSchedule")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}
    assert short_name(schedule["Target"]["Arn"]) == "AlertFunction"
    assert short_name(schedule["Target"]["RoleArn"]) == "AlertSchedulerRole"
    alert = assembly.properties("AWS::Lambda::Function", "AlertFunction")
    assert alert["ReservedConcurrentExecutions"] == 1
    invoked = assembly.properties("AWS::Lambda::EventInvokeConfig", "AlertFunctionEventInvokeConfig")
    assert (invoked["MaximumRetryAttempts"], invoked["MaximumEventAgeInSeconds"]) == (0, 60)


def test_the_address_of_pagerduty_is_a_parameter_locally_and_a_setting_elsewhere(
    assemblies: dict[str, Assembly],
) -> None:
    for name in ("Replay", "Alert"):
        for environment, address in (("local", "PagerDutyUrl"), ("prod", "https://events.pagerduty.com")):
            function = assemblies[environment].properties("AWS::Lambda::Function", f"{name}Function")
            variables = function["Environment"]["Variables"]
            assert short_name(variables["PAGERDUTY_URL"]) == address
            assert short_name(variables["PAGERDUTY_SECRET_ID"]) == "PagerDutySecret"
