"""What must survive: tables, queues, buckets and secrets, in a stack that changes seldom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_secretsmanager as secretsmanager

from stacks.constructs.archive import archive_bucket, unreadable_bucket
from stacks.constructs.ledger import ledger_table, operations_table
from stacks.constructs.queue import OrdersQueue
from stacks.constructs.table import Index, Key, removal_policy_once_made, table

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import Settings


class StorageStack(Stack):
    """Tables, queues, buckets and secrets.

    The queues are here, and not with the workflow, because an accepted order that waits is state:
    a queue that is replaced loses it.
    """

    def __init__(self, scope: Construct, id_: str, settings: Settings, **kwargs: Any) -> None:  # noqa: ANN401 - Stack's own keywords
        super().__init__(scope, id_, **kwargs)
        self._settings = settings
        self.orders = table(
            self,
            "Orders",
            settings=settings,
            partition=Key("order_id"),
            sort=Key("item"),
            indexes=[
                Index("by_client", "client", "accepted_at"),
                Index("open_orders", "open", "accepted_at"),  # sparse: `open` goes when it ends
            ],
        )
        self.inventory = table(self, "Inventory", settings=settings, partition=Key("sku"))
        self.idempotency = table(
            self, "Idempotency", settings=settings, partition=Key("id"), expires_at="expiration"
        )
        self.ledger = ledger_table(self, "Ledger", settings)
        self.failures = table(
            self,
            "Failures",
            settings=settings,
            partition=Key("id"),
            sort=Key("item"),
            indexes=[Index("by_list", "list", "last_seen", whole_items=True)],  # sparse
            expires_at="expires_at",
        )
        self.operations = operations_table(self, "Operations", settings)
        # Tables with indexes are to be made one after the other (limit of DynamoDB, see
        # AWS::DynamoDB::Table in the CloudFormation reference).
        self.ledger.node.add_dependency(self.orders)
        self.failures.node.add_dependency(self.ledger)
        self.operations.node.add_dependency(self.failures)
        self.archive = archive_bucket(self, "Archive", settings)
        self.unreadable = unreadable_bucket(self, "Unreadable", settings)
        self.queues = OrdersQueue(self, "Queues", settings)
        self.payment_secret = self._secret("PaymentSecret", "payment")
        self.warehouse_secret = self._secret("WarehouseSecret", "warehouse")
        self.pagerduty_secret = self._secret("PagerDutySecret", "pagerduty")
        self._outputs()

    def _secret(self, id_: str, provider: str) -> secretsmanager.Secret:
        """A secret that starts as a random placeholder; operators put the real key.

        Its name is fixed, unlike the tables', because people type it.
        """
        return secretsmanager.Secret(
            self,
            id_,
            secret_name=_secret_name(self._settings, provider),
            description=f"The key for the {provider} provider. Made up until an operator puts the real one.",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True),
            removal_policy=removal_policy_once_made(self._settings),
        )

    def _outputs(self) -> None:
        CfnOutput(self, "OrdersTableName", value=self.orders.table_name)
        CfnOutput(self, "InventoryTableName", value=self.inventory.table_name)
        CfnOutput(self, "IdempotencyTableName", value=self.idempotency.table_name)
        CfnOutput(self, "LedgerTableName", value=self.ledger.table_name)
        CfnOutput(self, "FailuresTableName", value=self.failures.table_name)
        CfnOutput(self, "OperationsTableName", value=self.operations.table_name)
        CfnOutput(self, "ArchiveBucketName", value=self.archive.bucket_name)
        CfnOutput(self, "UnreadableBucketName", value=self.unreadable.bucket_name)
        CfnOutput(self, "OrdersQueueUrl", value=self.queues.queue.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=self.queues.dead_letters.queue_url)
        CfnOutput(self, "PaymentSecretName", value=_secret_name(self._settings, "payment"))
        CfnOutput(self, "WarehouseSecretName", value=_secret_name(self._settings, "warehouse"))
        CfnOutput(self, "PagerDutySecretName", value=_secret_name(self._settings, "pagerduty"))


def _secret_name(settings: Settings, provider: str) -> str:
    return f"orders/{settings.environment}/{provider}"
