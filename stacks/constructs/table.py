"""A DynamoDB table as this project has them: on demand, protected, recoverable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iam as iam
    from constructs import Construct

    from stacks.settings import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """A key attribute: a string (`S`) or a number (`N`)."""

    name: str
    type: Literal["S", "N"] = "S"

    @property
    def attribute(self) -> dynamodb.Attribute:
        """The same, as the CDK has it."""
        string, number = dynamodb.AttributeType.STRING, dynamodb.AttributeType.NUMBER
        return dynamodb.Attribute(name=self.name, type=number if self.type == "N" else string)


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index; `whole_items` projects everything instead of the keys."""

    name: str
    partition: str
    sort: str
    whole_items: bool = False


def table(
    scope: Construct,
    id_: str,
    *,
    settings: Settings,
    partition: Key,
    sort: Key | None = None,
    indexes: Sequence[Index] = (),
    expires_at: str | None = None,
    policy: iam.PolicyDocument | None = None,
) -> dynamodb.Table:
    """A table, with a name that CloudFormation makes up.

    It is encrypted with the key that DynamoDB owns: nobody in the account, and so no workload role,
    can disable that key and with it the table.

    Args:
        scope: the stack.
        id_: the construct's id.
        settings: of the environment.
        partition: the partition key.
        sort: the sort key.
        indexes: on attributes that are strings.
        expires_at: the attribute (seconds since 1970) by which DynamoDB deletes items.
        policy: the table's own resource policy.
    """
    made = dynamodb.Table(
        scope,
        id_,
        partition_key=partition.attribute,
        sort_key=sort.attribute if sort else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=not settings.ephemeral
        ),
        deletion_protection=settings.deletion_protection,
        removal_policy=removal_policy(settings),
        time_to_live_attribute=expires_at,
        resource_policy=policy,
    )
    for index in indexes:
        made.add_global_secondary_index(
            index_name=index.name,
            partition_key=Key(index.partition).attribute,
            sort_key=Key(index.sort).attribute,
            projection_type=dynamodb.ProjectionType.ALL
            if index.whole_items
            else dynamodb.ProjectionType.KEYS_ONLY,
        )
    return made


def removal_policy_once_made(settings: Settings) -> RemovalPolicy:
    """As below, but gone with a first deployment that fails: its next try would find the name taken.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    return RemovalPolicy.DESTROY if settings.ephemeral else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def removal_policy(settings: Settings) -> RemovalPolicy:
    """What becomes of state when its stack goes: kept, unless the environment is ephemeral."""
    return RemovalPolicy.DESTROY if settings.ephemeral else RemovalPolicy.RETAIN
