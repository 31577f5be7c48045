"""The seal: what proves the ledger. It holds the log, and the function that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, Stack

from stacks.constructs.function import PythonFunction
from stacks.constructs.permissions import allow
from stacks.constructs.schedule import run_every
from stacks.constructs.sealed_log import SealedLog

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging.artefacts import Build
    from stacks.settings import Settings
    from stacks.storage import StorageStack


class SealStack(Stack):
    """Log and sealer are in one stack, because the log's own policies name the sealer's role."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        build: Build,
        **kwargs: Any,  # noqa: ANN401 - Stack's own keywords
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        self.log = SealedLog(self, "Log", settings)
        ledger, log = storage.ledger, self.log
        sealer = PythonFunction(
            self,
            "Seal",
            name="seal",
            artefact=build.by_function["seal"],
            settings=settings,
            environment={
                "LEDGER_TABLE": ledger.table_name,
                "LOG_TABLE": log.table.table_name,
                "LOG_BUCKET": log.bucket_name,
                "LOG_KEY_ID": log.key.attr_arn,
                "LOG_ORIGIN": log.origin,
                "GRACE_SECONDS": str(settings.seal_grace_seconds),
                "LEDGER_SINCE": settings.ledger_since,
            },
            statements=[
                allow("dynamodb", "BatchGetItem", ledger.table_arn),
                allow("dynamodb", "Query", f"{ledger.table_arn}/index/by_period"),
                allow("dynamodb", "GetItem PutItem Query", log.table.table_arn),
                allow("s3", "GetObject PutObject", f"{log.bucket_arn}/*"),
                # Without it S3 answers 403 for a file that is not there yet.
                allow("s3", "ListBucket", log.bucket_arn),
            ],
            reserved_concurrency=1,
        )
        self.function = sealer.function
        log.protect(sealer.role)
        run_every(sealer, settings.seal_minutes, "Appends closed entries of the ledger to the sealed log.")
        CfnOutput(self, "LogTableName", value=log.table.table_name)
        CfnOutput(self, "LogBucketName", value=log.bucket_name)
        CfnOutput(self, "LogKeyArn", value=log.key.attr_arn)
        CfnOutput(self, "LogOrigin", value=log.origin)
        CfnOutput(self, "SealFunctionName", value=self.function.function_name)
        CfnOutput(self, "SealMinutes", value=str(settings.seal_minutes))
        CfnOutput(self, "SealGraceSeconds", value=str(settings.seal_grace_seconds))
        CfnOutput(self, "LedgerSince", value=settings.ledger_since)
