"""Resource policies of tables, and what they and those of buckets and keys deny to the account's root.

AWS: a table's resource policy is evaluated with the caller's own policies, and a deny in either
wins, also against the account's root user (DynamoDB developer guide, "Using resource-based
policies for DynamoDB"; IAM user guide, "Policy evaluation logic"). `AWS::DynamoDB::Table` takes it
as `ResourcePolicy`. It is evaluated for the table's indexes as well. The policies of buckets and
keys bind root in the same way.

Engine: it stores what `PutResourcePolicy` sends, evaluates it for nobody, and ignores the
template's property. No policy binds root.

Mend: the policy is looked up for each request, a denial holds for root too, and the property is
stored. (Root keeps the calls that change a policy, or a mistake could never be undone.)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

Provisioned = tuple[str, dict[str, Any]]
Provision = Callable[..., Provisioned]

_TYPE = "AWS::DynamoDB::Table"
_TABLE_ARN_PARTS = 6
_ROOT_KEEPS = (
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:GetResourcePolicy",
    "dynamodb:PutResourcePolicy",
    "s3:DeleteBucketPolicy",
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
)
_BINDING_ROOT = frozenset({"dynamodb", "s3", "kms"})


def apply() -> None:
    """Evaluate the policies, and take them from templates."""
    dynamodb.table_policy_for_arn = _policy_for_arn
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy_for_arn")
    iam_evaluator.enforce = _with_denied_root(iam_evaluator.enforce)
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS[_TYPE]
    handlers |= {
        "create": _create_with_policy(handlers["create"]),
        "update": _update_with_policy(handlers["update"]),
    }


def _policy_for_arn(arn: str) -> tuple[str, str] | None:
    table_arn = arn.split("/index/", maxsplit=1)[0]
    entry = dynamodb._resource_policies.get(table_arn)
    parts = table_arn.split(":")
    return (entry["Policy"], parts[4]) if entry and len(parts) == _TABLE_ARN_PARTS else None


def _with_denied_root(enforce: Callable[..., object]) -> Callable[..., object]:
    def enforce_for_all(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> object:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied or service not in _BINDING_ROOT or iam_action in _ROOT_KEEPS:
            return denied
        if not iam_evaluator.is_root_access_key(access_key_id):
            return None
        return _denied_to_root(service, iam_action, region, resource_arn, service_context or {})

    return enforce_for_all


def _denied_to_root(
    service: str, action: str, region: str, resource_arn: str, service_context: dict[str, Any]
) -> object:
    found = iam_evaluator._resource_policy(service, resource_arn)
    if found is None:
        return None
    policy, account = found
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account}:root",
        principal_type="Root",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=region,
        service_context={key.lower(): value for key, value in service_context.items()},
    )
    result: Any = iam_evaluator.evaluate_resource_policy(policy, context)
    if result.decision != "Deny":
        return None
    result.principal_arn = context.principal_arn
    result.resource_policy_arn = resource_arn
    return result


def _create_with_policy(create: Provision) -> Provision:
    def create_table(logical_id: str, props: dict[str, Any], stack: str) -> Provisioned:
        physical_id, attributes = create(logical_id, props, stack)
        _store(attributes["Arn"], props)
        return physical_id, attributes

    return create_table


def _update_with_policy(update: Provision) -> Provision:
    def update_table(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, *rest: object
    ) -> Provisioned:
        changed_id, attributes = update(physical_id, old, new, stack, *rest)
        table = dynamodb._tables.get(changed_id)
        if table is not None and old.get("ResourcePolicy") != new.get("ResourcePolicy"):
            _store(table["TableArn"], new)
        return changed_id, attributes

    return update_table


def _store(arn: str, props: dict[str, Any]) -> None:
    document = (props.get("ResourcePolicy") or {}).get("PolicyDocument")
    if document is None:
        dynamodb._resource_policies.pop(arn, None)
        return
    policy = document if isinstance(document, str) else json.dumps(document)
    status, _, body = dynamodb._put_resource_policy({"ResourceArn": arn, "Policy": policy})
    if status != 200:  # noqa: PLR2004 - HTTP
        raise ValueError(f"{_TYPE} ResourcePolicy failed: {body!r}")
