"""The resource policy of a table that is only appended to: by permission, for everybody.

A resource policy's Deny beats every Allow of the account, administrators' included. That is
prevention; the proof is the sealed log. What stays possible on purpose is said below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Aws, DefaultStackSynthesizer
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import Settings

# Every way to change or remove an item but PartiQL INSERT, which fails on an existing key.
CHANGES_OF_ENTRIES: Final = (
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PartiQLDelete",
    "dynamodb:UpdateTimeToLive",
)
DELETION: Final = "dynamodb:DeleteTable"
# CloudFormation makes these calls when the table or its policy changes. Denied to everybody, they
# would leave a table that no deployment can change, nor its policy mend.
CHANGES_OF_TABLE: Final = (
    "dynamodb:UpdateTable",
    "dynamodb:PutResourcePolicy",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:UpdateContinuousBackups",
)


def append_only(scope: Construct, settings: Settings) -> iam.PolicyDocument:
    """The resource policy. All its actions are ones that such a policy may name:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html

    The table is retained, so a stack that goes, or that fails while it is made, does not call
    DeleteTable. To delete a ledger takes two deployments: one that changes this policy, in review,
    and one that deletes. An ephemeral environment's deployment role may delete at once.
    """
    for_everybody = [*CHANGES_OF_ENTRIES]
    for_others = [*CHANGES_OF_TABLE]
    (for_others if settings.ephemeral else for_everybody).append(DELETION)
    role = deployment_role(scope, settings)
    return iam.PolicyDocument(
        statements=[
            _deny("EntriesAreNeverChanged", for_everybody),
            _deny(
                "OnlyDeploymentChangesTheTable",
                for_others,
                # the role's ARN also for its sessions; also true where the key is absent
                conditions={"ArnNotEquals": {"aws:PrincipalArn": role}},
            ),
        ]
    )


def _deny(sid: str, actions: list[str], conditions: dict[str, object] | None = None) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=actions,
        # "This table": a template cannot name a table in the table's own policy.
        resources=["*"],
        conditions=conditions,
    )


def deployment_role(scope: Construct, settings: Settings) -> str:
    """The ARN of the only role that may change protected state: by default that of `cdk bootstrap`."""
    if settings.deployment_role:
        return settings.deployment_role
    qualifier = (
        scope.node.try_get_context("@aws-cdk/core:bootstrapQualifier")
        or DefaultStackSynthesizer.DEFAULT_QUALIFIER
    )
    role = f"cdk-{qualifier}-cfn-exec-role-{Aws.ACCOUNT_ID}-{Aws.REGION}"
    return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{role}"
