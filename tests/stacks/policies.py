"""Who may do what by the synthesised policies, evaluated as IAM does within one account.

A denial in any policy wins; otherwise the caller's own policy, or the resource's, has to allow.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
A key asks for more: its own policy has to allow the caller, or the account and then the caller's policy too.
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from tests.stacks.templates import as_list, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.stacks.templates import Assembly

Statement = dict[str, Any]

ROOT: Final = "arn:AWS::Partition:iam::AWS::AccountId:root"
EVERYTHING: Final[Statement] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# What an ordinary caller brings along.
_CONNECTION: Final = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


@dataclass(frozen=True)
class Caller:
    """Somebody by the ARN of a role, and what its own policy says."""

    arn: str
    statements: list[Statement]


@dataclass(frozen=True)
class Attempt:
    """One call: `keys` are the condition keys of its own."""

    action: str
    on: str
    keys: Mapping[str, str] = field(default_factory=dict)


def role(assembly: Assembly, name: str) -> Caller:
    """A role of the templates with its policies."""
    policies = assembly.properties("AWS::IAM::Role", name)["Policies"]
    return Caller(name, [s for policy in policies for s in policy["PolicyDocument"]["Statement"]])


def resource_policy(assembly: Assembly, name: str) -> list[Statement]:
    """The statements of a table, bucket or key about itself."""
    if "Key" in name:
        document = assembly.properties("AWS::KMS::Key", name)["KeyPolicy"]
    elif "Bucket" in name:
        document = assembly.properties("AWS::S3::BucketPolicy", f"{name}Policy")["PolicyDocument"]
    else:
        document = assembly.properties("AWS::DynamoDB::Table", name)["ResourcePolicy"]["PolicyDocument"]
    statements: list[Statement] = document["Statement"]
    return statements


def allowed(caller: Caller, attempt: Attempt, resources_own: Iterable[Statement]) -> bool:
    """Whether the call would be made."""
    keys = {**_CONNECTION, **attempt.keys, "aws:PrincipalArn": caller.arn}
    by_caller = [s for s in caller.statements if _applies(s, attempt, keys)]
    by_resource = [s for s in resources_own if _applies(s, attempt, keys)]
    everybody = [s for s in by_resource if _principals(s) == ["*"]]
    if any(s["Effect"] == "Deny" for s in by_caller + everybody):
        return False
    named = [s for s in by_resource if s["Effect"] == "Allow"]
    if any(caller.arn in _principals(s) for s in named):
        return True
    if attempt.action.startswith("kms:") and not any(ROOT in _principals(s) for s in named):
        return False
    return bool(by_caller)


def _principals(statement: Statement) -> list[str]:
    principal = statement["Principal"]
    found = principal if principal == "*" else principal["AWS"]
    return [short_name(one) for one in as_list(found)]


def _applies(statement: Statement, attempt: Attempt, keys: Mapping[str, str]) -> bool:
    return (
        any(fnmatchcase(attempt.action, action) for action in as_list(statement["Action"]))
        and any(fnmatchcase(attempt.on, _resource(one)) for one in as_list(statement["Resource"]))
        and all(
            _holds(operator, keys.get(key), [_text(v) for v in as_list(value)])
            for operator, tests in statement.get("Condition", {}).items()
            for key, value in tests.items()
        )
    )


def _text(value: Any) -> str:
    return str(value) if isinstance(value, float) else short_name(value)


def _resource(value: Any) -> str:
    return short_name(value).removeprefix("arn:AWS::Partition:s3:::")


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    match operator:
        case "ArnNotEquals":
            return value not in wanted
        case "StringEquals":
            return value in wanted
        case "Bool":
            return value in wanted
        case "NumericLessThan":
            return value is not None and float(value) < float(wanted[0])
        case "Null":
            return wanted == [str(value is None).lower()]
    raise AssertionError(f"the evaluation does not know {operator}")
