"""Reading synthesised templates: resources by type, and references as short names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Template = dict[str, Any]
Resource = dict[str, Any]
# A call that a policy allows: action, resource's short name, the transaction it must be in.
Call = tuple[str, str, str | None]

_CONDITION = "dynamodb:EnclosingOperation"


@dataclass(frozen=True)
class Assembly:
    """A synthesised environment."""

    environment: str
    folder: Path

    @cached_property
    def templates(self) -> dict[str, Template]:
        """The templates by the stacks' short names, as `storage`."""
        prefix = f"orders-{self.environment}-"
        return {
            path.name.removesuffix(".template.json").removeprefix(prefix): json.loads(path.read_text("utf-8"))
            for path in sorted(self.folder.glob(f"{prefix}*.template.json"))
        }

    def resources(self, type_: str, stack: str | None = None) -> dict[str, Resource]:
        """Resources of a type by short name, of one stack or of all."""
        templates = [self.templates[stack]] if stack else self.templates.values()
        return {
            without_hash(logical_id): resource
            for template in templates
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] == type_
        }

    def properties(self, type_: str, name: str) -> dict[str, Any]:
        """The properties of the resource of this type and short name."""
        found: dict[str, Any] = self.resources(type_)[name]["Properties"]
        return found

    def outputs(self) -> dict[str, Any]:
        """Every output but those by which stacks import from each other."""
        return {
            key: output["Value"]
            for template in self.templates.values()
            for key, output in template.get("Outputs", {}).items()
            if not key.startswith("ExportsOutput")
        }

    def calls(self, role: str) -> set[Call]:
        """What the role's policies allow."""
        allowed = set()
        for policy in self.properties("AWS::IAM::Role", role)["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                condition = statement.get("Condition", {}).get("StringEquals", {}).get(_CONDITION)
                allowed |= {
                    (action, short_name(resource), condition)
                    for action in as_list(statement["Action"])
                    for resource in as_list(statement["Resource"])
                }
        return allowed


def as_list(value: Any) -> list[Any]:
    """CloudFormation's one-or-many as a list."""
    return value if isinstance(value, list) else [value]


def without_hash(logical_id: str) -> str:
    """A logical id without the hash that the CDK appends to it."""
    return re.sub(r"[0-9A-F]{8}([0-9a-f]{32})?$", "", logical_id)


def short_name(value: Any) -> str:
    """A reference's target: `Orders` for the table in whatever stack, `*` for everything."""
    match value:
        case str():
            return value
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return without_hash(name)
        case {"Fn::ImportValue": export}:
            export = export.partition(":")[2]
            found = re.fullmatch(
                r"ExportsOutput(?:Ref|FnGetAtt)(\w+?)[0-9A-F]{8}[A-Za-z]*[0-9A-F]{8}", export
            )
            assert found, export
            return found.group(1)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(short_name(part) for part in parts)
    raise AssertionError(value)
