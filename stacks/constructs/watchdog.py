"""The watchdog: a function that looks after open orders, and the schedule that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_scheduler as scheduler
from aws_cdk.aws_scheduler_targets import LambdaInvoke
from constructs import Construct

from stacks.constructs.function import PythonFunction
from stacks.constructs.permissions import allow, role_with

if TYPE_CHECKING:
    from stacks.packaging.artefacts import Artefact
    from stacks.settings import Settings
    from stacks.storage import StorageStack


class Watchdog(PythonFunction):
    """One run at a time, every few minutes; a run that fails or is late is the next one's business."""

    def __init__(
        self, scope: Construct, id_: str, *, artefact: Artefact, settings: Settings, storage: StorageStack
    ) -> None:
        orders, queue = storage.orders, storage.queues.queue
        super().__init__(
            scope,
            id_,
            name="watchdog",
            artefact=artefact,
            settings=settings,
            environment={
                "ORDERS_TABLE": orders.table_name,
                "ORDERS_QUEUE_URL": queue.queue_url,
                "STALE_MINUTES": str(settings.stale_minutes),
                "AUTHORISATION_WARNING_DAYS": str(settings.authorisation_warning_days),
                "AUTHORISATION_EXPIRY_DAYS": str(settings.authorisation_expiry_days),
            },
            statements=[
                allow("dynamodb", "GetItem BatchGetItem Query UpdateItem", orders.table_arn),
                allow("dynamodb", "Query", f"{orders.table_arn}/index/open_orders"),
                allow("sqs", "SendMessage GetQueueAttributes", queue.queue_arn),
            ],
            reserved_concurrency=1,
        )
        interval = Duration.minutes(settings.watchdog_minutes)
        # Lambda would run a failed event twice more, and keep a throttled one for six hours:
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        self.function.configure_async_invoke(retry_attempts=0, max_event_age=interval)
        scheduler.Schedule(
            self,
            "Schedule",
            description="Looks after orders that no message moves.",
            schedule=scheduler.ScheduleExpression.rate(interval),
            target=LambdaInvoke(
                self.function,
                role=role_with(
                    Construct(self, "Scheduler"),
                    "scheduler",
                    [allow("lambda", "InvokeFunction", self.function.function_arn)],
                    conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
                ),
                retry_attempts=1,
                max_event_age=interval,
            ),
        )
