"""The watchdog: a function that looks after open orders, and the schedule that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.constructs.function import PythonFunction
from stacks.constructs.permissions import allow
from stacks.constructs.schedule import run_every

if TYPE_CHECKING:
    from constructs import Construct

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
        run_every(self, settings.watchdog_minutes, "Looks after orders that no message moves.")
