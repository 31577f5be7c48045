"""Where the sealed log is kept: its bucket, the key that signs it, and the table of its batches.

The proof is in the bucket and in the signatures. Only the sealer's role writes to the one and signs with the
other; what else is denied here, it is denied to administrators too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.append_only import deployment_role
from stacks.constructs.permissions import allow
from stacks.constructs.table import Key, removal_policy, removal_policy_once_made, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stacks.settings import Settings

CHANGES_OF_FILES: Final = (
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    # With a key of the caller's, which may be deleted afterwards.
    "s3:UpdateObjectEncryption",
    "s3:BypassGovernanceRetention",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
)
# A rule of another bucket writes replicas here, and marks files as deleted, by these and not by s3:PutObject.
WRITES: Final = ("s3:PutObject", "s3:ReplicateObject", "s3:ReplicateDelete")
CHANGES_OF_BUCKET: Final = (
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketAcl",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock",
)
ENDS_OF_KEY: Final = ("kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DeleteImportedKeyMaterial")
CHANGES_OF_KEY: Final = (
    "kms:PutKeyPolicy",
    "kms:CreateGrant",
    "kms:UpdatePrimaryRegion",
    "kms:ReplicateKey",
)


class SealedLog(Construct):
    """The log's table, and its bucket unless a setting names one in another account."""

    def __init__(self, scope: Construct, id_: str, settings: Settings) -> None:
        super().__init__(scope, id_)
        self._settings = settings
        self.origin = f"{settings.stack_prefix}/ledger/{Aws.ACCOUNT_ID}/{Aws.REGION}"
        self.table = table(self, "Table", settings=settings, partition=Key("log"), sort=Key("item"))
        self._own_bucket = None if settings.sealed_bucket else self._bucket()
        self.bucket_name = settings.sealed_bucket or self._own_bucket_name()
        self.bucket_arn = f"arn:{Aws.PARTITION}:s3:::{self.bucket_name}"
        self.key = self._key()

    def protect(self, sealer: iam.IRole) -> None:
        """Say in the policies of bucket and key that only this role writes and signs."""
        self._protect_key(sealer)
        if self._own_bucket is not None:
            self._protect_bucket(self._own_bucket, sealer)

    def reading(self) -> list[iam.PolicyStatement]:
        """What an auditor may call to verify."""
        return [
            allow("dynamodb", "GetItem Query", self.table.table_arn),
            allow("s3", "ListBucket", self.bucket_arn),
            allow("s3", "GetObject", f"{self.bucket_arn}/*"),
            allow("kms", "GetPublicKey", self.key.attr_arn),
        ]

    def _own_bucket_name(self) -> str:
        assert self._own_bucket is not None  # noqa: S101 - made just before
        return self._own_bucket.bucket_name

    def _bucket(self) -> s3.Bucket:
        """Object Lock: in production in compliance mode, which not even the account's root can shorten.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html#object-lock-retention-modes
        """
        days = Duration.days(self._settings.sealed_retention_days)
        lock = s3.ObjectLockRetention
        strict = self._settings.environment == "prod"
        return s3.Bucket(
            self,
            "Bucket",
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=lock.compliance(days) if strict else lock.governance(days),
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy_once_made(self._settings),
        )

    def _protect_bucket(self, bucket: s3.Bucket, sealer: iam.IRole) -> None:
        files, own = f"{self.bucket_arn}/*", self.bucket_arn
        statements = [
            _deny("OnlyTheSealerWrites", WRITES, [files], _not(sealer.role_arn)),
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
            _deny("NoFileIsOverwritten", ["s3:PutObject"], [files], {"Null": {"s3:if-none-match": "true"}}),
            _deny("OnlyDeploymentChangesTheBucket", CHANGES_OF_BUCKET, [own], self._not_deployment()),
        ]
        if not self._settings.ephemeral:
            statements.append(_deny("FilesAreNeverChanged", CHANGES_OF_FILES, [files]))
        for statement in statements:
            bucket.add_to_resource_policy(statement)

    def _key(self) -> kms.CfnKey:
        key = kms.CfnKey(
            self,
            "Key",
            description=f"Signs the checkpoints of the sealed ledger of {self._settings.environment}.",
            key_spec="ECC_NIST_EDWARDS25519",
            key_usage="SIGN_VERIFY",
            key_policy={},
        )
        key.apply_removal_policy(removal_policy(self._settings))
        return key

    def _protect_key(self, sealer: iam.IRole) -> None:
        """The role's own policy says nothing of the key: each would wait for the other to be made."""
        ends, changes = [*ENDS_OF_KEY], [*CHANGES_OF_KEY]
        denials = []
        if self._settings.ephemeral:
            changes += ends
        else:
            denials.append(_deny("TheKeyIsKept", ends, ["*"]))
        self.key.key_policy = iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    sid="TheAccountManages",
                    principals=[iam.AccountRootPrincipal()],
                    actions=["kms:*"],
                    resources=["*"],
                ),
                iam.PolicyStatement(
                    sid="TheSealerSigns",
                    principals=[iam.ArnPrincipal(sealer.role_arn)],
                    actions=["kms:Sign", "kms:GetPublicKey"],
                    resources=["*"],
                ),
                _deny("OnlyTheSealerSigns", ["kms:Sign"], ["*"], _not(sealer.role_arn)),
                _deny("OnlyDeploymentChangesTheKey", changes, ["*"], self._not_deployment()),
                *denials,
            ]
        )

    def _not_deployment(self) -> dict[str, object]:
        return _not(deployment_role(self, self._settings))


def _not(role: str) -> dict[str, object]:
    """True for whoever is not the role or a session of it."""
    return {"ArnNotEquals": {"aws:PrincipalArn": role}}


def _deny(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, object] | None = None,
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(resources),
        conditions=conditions,
    )
