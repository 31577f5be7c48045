"""The watchdog's schedule: one run at a time, none of them kept for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks.environments import settings_for
from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly


@pytest.mark.parametrize(("environment", "rate"), [("local", "1 minute"), ("prod", "5 minutes")])
def test_it_runs_at_its_interval(assemblies: dict[str, Assembly], environment: str, rate: str) -> None:
    assembly = assemblies[environment]
    schedule = assembly.properties("AWS::Scheduler::Schedule", "WatchdogSchedule")
    assert schedule["ScheduleExpression"] == f"rate({rate})"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["State"] == "ENABLED"
    target = schedule["Target"]
    assert (short_name(target["Arn"]), short_name(target["RoleArn"])) == (
        "WatchdogFunction",
        "WatchdogSchedulerRole",
    )


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_a_run_that_cannot_start_or_fails_is_left_to_the_next(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    assembly = assemblies[environment]
    interval = 60 * (1 if environment == "local" else 5)
    function = assembly.properties("AWS::Lambda::Function", "WatchdogFunction")
    assert function["ReservedConcurrentExecutions"] == 1
    assert function["Timeout"] < interval
    invoked = assembly.properties("AWS::Lambda::EventInvokeConfig", "WatchdogFunctionEventInvokeConfig")
    assert (invoked["MaximumRetryAttempts"], invoked["MaximumEventAgeInSeconds"]) == (0, interval)
    assert (short_name(invoked["FunctionName"]), invoked["Qualifier"]) == ("WatchdogFunction", "$LATEST")
    retries = assembly.properties("AWS::Scheduler::Schedule", "WatchdogSchedule")["Target"]["RetryPolicy"]
    assert retries == {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": interval}


def test_locally_nobody_waits_for_half_an_hour(local: Assembly) -> None:
    function = local.properties("AWS::Lambda::Function", "WatchdogFunction")
    settings = settings_for("local")
    assert function["Environment"]["Variables"]["STALE_MINUTES"] == str(settings.stale_minutes) == "2"
