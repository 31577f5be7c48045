"""A function that a schedule runs: one run at a time, and none of them kept for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_scheduler as scheduler
from aws_cdk.aws_scheduler_targets import LambdaInvoke
from constructs import Construct

from stacks.constructs.permissions import allow, role_with

if TYPE_CHECKING:
    from stacks.constructs.function import PythonFunction


def run_every(construct: PythonFunction, minutes: int, description: str) -> None:
    """Run a function that has a concurrency of 1 every few minutes; what a run leaves is the next one's."""
    interval, function = Duration.minutes(minutes), construct.function
    # Lambda would run a failed event twice more, and keep a throttled one for six hours:
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    function.configure_async_invoke(retry_attempts=0, max_event_age=interval)
    scheduler.Schedule(
        construct,
        "Schedule",
        description=description,
        schedule=scheduler.ScheduleExpression.rate(interval),
        target=LambdaInvoke(
            function,
            role=role_with(
                Construct(construct, "Scheduler"),
                "scheduler",
                [allow("lambda", "InvokeFunction", function.function_arn)],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            retry_attempts=1,
            max_event_age=interval,
        ),
    )
