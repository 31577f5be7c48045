"""`Ref` of a secret.

AWS: "`Ref` returns the ARN of the secret" (AWS::SecretsManager::Secret, Return values). The CDK
builds on it: the secret's name is cut out of the ARN, and a role's policy names the ARN.

Engine: `Ref` is the secret's name, so that the name in an output fails ("Fn::Select cannot select
nonexistent value") and the policy names no resource.

Mend: the resource's physical id is the ARN; what the engine's own functions get is still the name.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

_TYPE = "AWS::SecretsManager::Secret"
_ARN_PARTS = 7

Provisioned = tuple[str, dict[str, Any]]


def apply() -> None:
    """Give the resource type create, update and delete by ARN."""
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_by_arn(logical_id: str, props: dict[str, Any], stack: str) -> Provisioned:
        _, attributes = create(logical_id, props, stack)
        return attributes["Arn"], attributes

    def update_by_arn(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, *rest: object
    ) -> Provisioned:
        changed, attributes = update(_name(physical_id), old, new, stack, *rest)
        return attributes.get("Arn", changed), attributes

    def delete_by_arn(physical_id: str, props: dict[str, Any]) -> None:
        delete(_name(physical_id), props)

    handlers |= {"create": create_by_arn, "update": update_by_arn, "delete": delete_by_arn}


def _name(arn: str) -> str:
    """The secret's name: the ARN's last part without its random suffix of six characters."""
    parts = arn.split(":", _ARN_PARTS - 1)
    return parts[-1].rsplit("-", 1)[0] if len(parts) == _ARN_PARTS else arn
