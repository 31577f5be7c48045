"""The functions behind the pages: `replay` drains the dead letters, `alert` keeps PagerDuty true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_lambda as lambda_

from stacks.constructs.function import PythonFunction
from stacks.constructs.permissions import allow
from stacks.constructs.schedule import run_every

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging.artefacts import Artefact
    from stacks.settings import Settings
    from stacks.storage import StorageStack

# The least that an event source mapping takes. All who drain meet on the counters of a group.
REPLAY_CONCURRENCY: Final = 2
LETTERS_AT_ONCE: Final = 10
ALERT_MINUTES: Final = 1


class Replay(PythonFunction):
    """Drains the dead-letter queue; a letter that has to stay is reported and comes back."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        artefact: Artefact,
        settings: Settings,
        storage: StorageStack,
        pagerduty_url: str,
    ) -> None:
        failures, orders, letters = storage.failures, storage.orders, storage.queues.dead_letters
        super().__init__(
            scope,
            id_,
            name="replay",
            artefact=artefact,
            settings=settings,
            environment={
                **_common(settings, storage, pagerduty_url),
                "ARCHIVE_BUCKET": storage.archive.bucket_name,
                "UNREADABLE_BUCKET": storage.unreadable.bucket_name,
            },
            statements=[
                allow("sqs", "ReceiveMessage DeleteMessage GetQueueAttributes", letters.queue_arn),
                allow("dynamodb", "GetItem PutItem UpdateItem", failures.table_arn),
                allow("dynamodb", "GetItem", orders.table_arn),
                allow("s3", "PutObject", storage.archive.arn_for_objects("letters/*")),
                allow("s3", "PutObject", storage.unreadable.arn_for_objects("unreadable/*")),
                allow("secretsmanager", "GetSecretValue", storage.pagerduty_secret.secret_arn),
            ],
            reserved_concurrency=REPLAY_CONCURRENCY,
        )
        lambda_.EventSourceMapping(
            self,
            "DrainDeadLetters",
            target=self.function,
            event_source_arn=letters.queue_arn,
            batch_size=LETTERS_AT_ONCE,
            max_concurrency=REPLAY_CONCURRENCY,
            report_batch_item_failures=True,
        )


class Alert(PythonFunction):
    """Brings PagerDuty to what the groups of failures are, one run at a time."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        artefact: Artefact,
        settings: Settings,
        storage: StorageStack,
        pagerduty_url: str,
    ) -> None:
        failures, orders = storage.failures, storage.orders
        super().__init__(
            scope,
            id_,
            name="alert",
            artefact=artefact,
            settings=settings,
            environment=_common(settings, storage, pagerduty_url),
            statements=[
                allow("dynamodb", "GetItem PutItem UpdateItem", failures.table_arn),
                allow("dynamodb", "Query", f"{failures.table_arn}/index/by_list"),
                allow("dynamodb", "GetItem BatchGetItem", orders.table_arn),
                allow("secretsmanager", "GetSecretValue", storage.pagerduty_secret.secret_arn),
            ],
            reserved_concurrency=1,
        )
        run_every(self, ALERT_MINUTES, "Brings PagerDuty to what the groups of failures are.")


def _common(settings: Settings, storage: StorageStack, pagerduty_url: str) -> dict[str, str]:
    return {
        "ORDERS_TABLE": storage.orders.table_name,
        "FAILURES_TABLE": storage.failures.table_name,
        "PAGERDUTY_SECRET_ID": storage.pagerduty_secret.secret_arn,
        "PAGERDUTY_URL": pagerduty_url,
        "PAGING_GAP_SECONDS": str(settings.paging_gap_seconds),
        "RUNBOOKS": settings.runbooks,
    }
