"""Roles for people: `operator` works on failed orders, `auditor` reads what nobody can change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_iam as iam

from stacks.constructs.permissions import allow
from stacks.names import function_log_group
from stacks.timeouts import FUNCTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from constructs import Construct

    from stacks.constructs.sealed_log import SealedLog
    from stacks.settings import Settings
    from stacks.storage import StorageStack


class AccessStack(Stack):
    """What the commands of operators and auditors may call, and no more.

    Their names are fixed, because people type them. Whoever the account's own policies allow
    `sts:AssumeRole` on them may have them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        log: SealedLog,
        **kwargs: Any,  # noqa: ANN401 - Stack's own keywords
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        self._settings, self._storage, self._log = settings, storage, log
        for name, statements in (("operator", self._operator()), ("auditor", self._auditor())):
            role = self._role(name, statements)
            CfnOutput(self, f"{name.capitalize()}RoleArn", value=role.role_arn)

    def _role(self, name: str, statements: Sequence[iam.PolicyStatement]) -> iam.Role:
        return iam.Role(
            self,
            f"{name.capitalize()}Role",
            role_name=f"{self._settings.stack_prefix}-{name}",
            assumed_by=iam.AccountRootPrincipal(),
            inline_policies={"calls": iam.PolicyDocument(statements=[*statements])},
        )

    def _operator(self) -> list[iam.PolicyStatement]:
        """For `orders dlq`, `orders trace` and `orders hold`.

        A plan's verdict asks the provider and the warehouse how the order stands there, with their own
        keys: an operator may read these, and could use them for more. Whoever gets this role is trusted
        with that, as everything that they do through the commands is written down.
        """
        storage = self._storage
        orders, failures = storage.orders, storage.failures
        return [
            self._stacks(),
            allow("dynamodb", "GetItem BatchGetItem Query UpdateItem", orders.table_arn),
            allow("dynamodb", "BatchGetItem", storage.inventory.table_arn),
            allow("dynamodb", "BatchGetItem Query", storage.ledger.table_arn),
            allow(
                "dynamodb",
                "GetItem BatchGetItem Query PutItem UpdateItem DeleteItem",
                failures.table_arn,
            ),
            allow("dynamodb", "Query", f"{failures.table_arn}/index/by_list"),
            allow("dynamodb", "PartiQLInsert", storage.operations.table_arn),
            *self._history(),
            allow("sqs", "SendMessage GetQueueAttributes", storage.queues.queue.queue_arn),
            allow("sqs", "GetQueueAttributes", storage.queues.dead_letters.queue_arn),
            allow("s3", "GetObject", storage.archive.arn_for_objects("letters/*")),
            allow("s3", "GetObject", storage.unreadable.arn_for_objects("unreadable/*")),
            allow("logs", "FilterLogEvents", *self._log_groups()),
            allow(
                "secretsmanager",
                "GetSecretValue",
                storage.payment_secret.secret_arn,
                storage.warehouse_secret.secret_arn,
            ),
        ]

    def _auditor(self) -> list[iam.PolicyStatement]:
        """Ledger and its sealed log, history, failures and archive: ids and sums, no order and no secret."""
        storage = self._storage
        ledger, failures = storage.ledger, storage.failures
        return [
            self._stacks(),
            allow("dynamodb", "GetItem BatchGetItem Query", ledger.table_arn),
            allow("dynamodb", "Query", f"{ledger.table_arn}/index/by_period"),
            allow("dynamodb", "GetItem Query", failures.table_arn),
            allow("dynamodb", "Query", f"{failures.table_arn}/index/by_list"),
            *self._history(),
            allow("s3", "GetObject", storage.archive.arn_for_objects("letters/*")),
            *self._log.reading(),
        ]

    def _history(self) -> list[iam.PolicyStatement]:
        operations: dynamodb.Table = self._storage.operations
        return [
            allow("dynamodb", "GetItem Query", operations.table_arn),
            allow("dynamodb", "Query", f"{operations.table_arn}/index/by_day"),
        ]

    def _stacks(self) -> iam.PolicyStatement:
        """The outputs that a command finds everything by."""
        where = f"arn:{Aws.PARTITION}:cloudformation:{Aws.REGION}:{Aws.ACCOUNT_ID}:stack"
        return allow("cloudformation", "DescribeStacks", f"{where}/{self._settings.stack_prefix}-*/*")

    def _log_groups(self) -> list[str]:
        where = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group"
        groups = (function_log_group(self._settings.environment, name) for name in FUNCTION_SECONDS)
        return [f"{where}:{group}:*" for group in groups]
