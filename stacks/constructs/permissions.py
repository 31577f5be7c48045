"""Statements of what a role may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_iam as iam

from lambdas.adapters.dynamodb.breaker import BREAKER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import Construct

# PartiQL alone could write an item outside of any transaction.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
IN_TRANSACTION: Final[Mapping[str, Mapping[str, str]]] = {
    "StringEquals": {"dynamodb:EnclosingOperation": "ExecuteTransaction"}
}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
ONLY_THE_BREAKER: Final[Mapping[str, Mapping[str, str]]] = {
    "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": BREAKER_ID}
}


def allow(
    service: str,
    calls: str,
    *resources: str,
    conditions: Mapping[str, Mapping[str, str]] | None = None,
) -> iam.PolicyStatement:
    """Let a role make `calls` (separated by spaces) of `service` on `resources` (ARNs)."""
    return iam.PolicyStatement(
        actions=[f"{service}:{call}" for call in calls.split()],
        resources=list(resources),
        conditions=conditions,
    )


def role_with(
    scope: Construct,
    service: str,
    statements: Sequence[iam.PolicyStatement],
    *,
    conditions: Mapping[str, object] | None = None,
) -> iam.IRole:
    """A role that `service` assumes, which holds `statements`; nothing the CDK grants later can widen it.

    `conditions` are on who may assume it.
    """
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=conditions),
        inline_policies={"calls": iam.PolicyDocument(statements=statements)},
    )
    return iam.Role.from_role_arn(scope, "FixedRole", role.role_arn, mutable=False)
