"""The ways to change what is booked or sealed, or to weaken what keeps it: all operations of the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.stacks.policies import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

ENCLOSING: Final = "dynamodb:EnclosingOperation"
OVERWRITING: Final = "s3:if-none-match"


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Operations of each service, and the actions that they need. Those without any action do no harm: they read,
# make something new beside what is there, or change what is no protection (tags, metrics, exports).
_PARTIQL: Final = ("PartiQLInsert", "PartiQLUpdate", "PartiQLDelete")
LEDGER: Final[Mapping[str, tuple[str, ...]]] = {
    "PutItem": ("PutItem",),
    "UpdateItem": ("UpdateItem",),
    "DeleteItem": ("DeleteItem",),
    "BatchWriteItem": ("BatchWriteItem",),
    "TransactWriteItems": ("PutItem", "UpdateItem", "DeleteItem"),
    "ExecuteStatement": _PARTIQL,
    "BatchExecuteStatement": _PARTIQL,
    "ExecuteTransaction": _PARTIQL,
    "UpdateTimeToLive": ("UpdateTimeToLive",),
    "DeleteTable": ("DeleteTable",),
    "UpdateTable": ("UpdateTable",),
    "PutResourcePolicy": ("PutResourcePolicy",),
    "DeleteResourcePolicy": ("DeleteResourcePolicy",),
    "UpdateContinuousBackups": ("UpdateContinuousBackups",),
}
HARMLESS_TO_LEDGER: Final = _named(
    """
    BatchGetItem Query Scan SearchVectors TransactGetItems CreateBackup DeleteBackup CreateTable ImportTable
    RestoreTableFromBackup RestoreTableToPointInTime ExportTableToPointInTime TagResource UntagResource
    DisableKinesisStreamingDestination EnableKinesisStreamingDestination UpdateKinesisStreamingDestination
    UpdateContributorInsights CreateGlobalTable UpdateGlobalTable UpdateGlobalTableSettings
    UpdateTableReplicaAutoScaling
    """
)
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "PutObject": ("PutObject", "ReplicateObject"),
    "CopyObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    "DeleteObject": ("DeleteObject", "DeleteObjectVersion", "ReplicateDelete", "BypassGovernanceRetention"),
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion", "BypassGovernanceRetention"),
    "PutObjectRetention": ("PutObjectRetention", "BypassGovernanceRetention"),
    "PutObjectLegalHold": ("PutObjectLegalHold",),
    "PutObjectAcl": ("PutObjectAcl", "PutObjectVersionAcl"),
    "UpdateObjectEncryption": ("UpdateObjectEncryption",),
}
BUCKET: Final[Mapping[str, tuple[str, ...]]] = {
    "DeleteBucket": ("DeleteBucket",),
    "PutBucketPolicy": ("PutBucketPolicy",),
    "DeleteBucketPolicy": ("DeleteBucketPolicy",),
    "PutObjectLockConfiguration": ("PutBucketObjectLockConfiguration",),
    "PutBucketVersioning": ("PutBucketVersioning",),
    "PutBucketLifecycle": ("PutLifecycleConfiguration",),
    "PutBucketLifecycleConfiguration": ("PutLifecycleConfiguration",),
    "DeleteBucketLifecycle": ("PutLifecycleConfiguration",),
    "PutBucketReplication": ("PutReplicationConfiguration",),
    "DeleteBucketReplication": ("PutReplicationConfiguration",),
    "PutBucketEncryption": ("PutEncryptionConfiguration",),
    "DeleteBucketEncryption": ("PutEncryptionConfiguration",),
    "PutBucketAcl": ("PutBucketAcl",),
    "PutBucketOwnershipControls": ("PutBucketOwnershipControls",),
    "DeleteBucketOwnershipControls": ("PutBucketOwnershipControls",),
    "PutPublicAccessBlock": ("PutBucketPublicAccessBlock",),
    "DeletePublicAccessBlock": ("PutBucketPublicAccessBlock",),
}
HARMLESS_TO_FILES: Final = _named(
    """
    AbortMultipartUpload CreateBucket CreateBucketMetadataConfiguration
    CreateBucketMetadataTableConfiguration DeleteBucketAnalyticsConfiguration DeleteBucketCors
    DeleteBucketIntelligentTieringConfiguration DeleteBucketInventoryConfiguration
    DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration
    DeleteBucketMetricsConfiguration DeleteBucketTagging DeleteBucketWebsite DeleteObjectAnnotation
    DeleteObjectTagging PutBucketAbac PutBucketAccelerateConfiguration PutBucketAnalyticsConfiguration
    PutBucketCors PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration PutBucketLogging
    PutBucketMetricsConfiguration PutBucketNotification PutBucketNotificationConfiguration
    PutBucketRequestPayment PutBucketTagging PutBucketWebsite PutObjectAnnotation PutObjectTagging
    CreateSession RenameObject RestoreObject SelectObjectContent
    UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataInventoryTableConfiguration
    UpdateBucketMetadataJournalTableConfiguration WriteGetObjectResponse
    """
)
KEY: Final[Mapping[str, tuple[str, ...]]] = {
    "Sign": ("Sign",),
    "ScheduleKeyDeletion": ("ScheduleKeyDeletion",),
    "DisableKey": ("DisableKey",),
    "DeleteImportedKeyMaterial": ("DeleteImportedKeyMaterial",),
    "PutKeyPolicy": ("PutKeyPolicy",),
    "CreateGrant": ("CreateGrant",),
    "ReplicateKey": ("ReplicateKey",),
    "UpdatePrimaryRegion": ("UpdatePrimaryRegion",),
}
# The rest of KMS is for keys of other kinds, or reads, names and enables.
HARMLESS_TO_KEY: Final = _named(
    """
    CancelKeyDeletion ConnectCustomKeyStore CreateAlias CreateCustomKeyStore CreateKey Decrypt DeleteAlias
    DeleteCustomKeyStore DeriveSharedSecret DisableKeyRotation DisconnectCustomKeyStore EnableKey
    EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext
    GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom ImportKeyMaterial ReEncrypt RetireGrant
    RevokeGrant RotateKeyOnDemand TagResource UntagResource UpdateAlias UpdateCustomKeyStore
    UpdateKeyDescription Verify VerifyMac
    """
)


def on_the_ledger() -> dict[str, Attempt]:
    """With the operation that a statement is in, as DynamoDB tells it of transactions."""
    found = {}
    for operation, actions in LEDGER.items():
        for action in actions:
            keys = {ENCLOSING: operation} if "Transact" in operation else {}
            name = action if operation == action else f"{action} in {operation}"
            found[name] = Attempt(f"dynamodb:{action}", "Ledger", keys)
    return found


def on_the_files() -> dict[str, Attempt]:
    """Writing to a new file, with the header that refuses to overwrite, and writing over one."""
    found = {}
    for operation, actions in FILES.items():
        for action in actions:
            name = action if operation == action else f"{action} by {operation}"
            found[name] = Attempt(f"s3:{action}", "LogBucket/checkpoints/1", {OVERWRITING: "*"})
            if action == "PutObject":
                found[f"{name}, overwriting"] = Attempt(f"s3:{action}", "LogBucket/checkpoints/1")
    return found


def on_the_bucket() -> dict[str, Attempt]:
    return {f"{o}: {a}": Attempt(f"s3:{a}", "LogBucket") for o, actions in BUCKET.items() for a in actions}


def on_the_key() -> dict[str, Attempt]:
    return {a: Attempt(f"kms:{a}", "LogKey") for (a,) in KEY.values()}
