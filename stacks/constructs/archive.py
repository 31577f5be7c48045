"""Buckets for dead letters: the archive, which nobody deletes from, and one for what nobody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3

from stacks.constructs.table import removal_policy_once_made

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import Settings

UNREADABLE_DAYS = 30


def archive_bucket(scope: Construct, id_: str, settings: Settings) -> s3.Bucket:
    """A bucket whose objects are locked: in governance mode, so that an administrator can, and is seen to.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html. An ephemeral environment's is
    deleted with its stack, when somebody has emptied it with `s3:BypassGovernanceRetention`.
    """
    return s3.Bucket(
        scope,
        id_,
        versioned=True,
        object_lock_enabled=True,
        object_lock_default_retention=s3.ObjectLockRetention.governance(
            Duration.days(settings.archive_retention_days)
        ),
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=removal_policy_once_made(settings),
    )


def unreadable_bucket(scope: Construct, id_: str, settings: Settings) -> s3.Bucket:
    """A bucket that forgets after 30 days: what nobody can read may hold anything, a customer's data too."""
    return s3.Bucket(
        scope,
        id_,
        lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(UNREADABLE_DAYS))],
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=removal_policy_once_made(settings),
    )
