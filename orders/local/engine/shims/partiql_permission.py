"""Which permissions a PartiQL request needs.

AWS: each statement is one of `dynamodb:PartiQLSelect`, `PartiQLInsert`, `PartiQLUpdate` and
`PartiQLDelete` on its table or index; inside a transaction `dynamodb:EnclosingOperation` is
`ExecuteTransaction` (DynamoDB developer guide, "IAM security policies with PartiQL for DynamoDB").

Engine: it asks for `dynamodb:ExecuteTransaction` or `ExecuteStatement` on `*`, which no policy
names. `TransactWriteItems` it asks for item by item, as AWS does; but the enclosing operation is a
list, which `StringEquals` never equals, whereas it is a single string (Service authorization
reference, "Condition keys for Amazon DynamoDB").

Mend: the engine's check of a transaction item by item also takes PartiQL requests apart, and the
enclosing operation is a string.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions, iam_evaluator

if TYPE_CHECKING:
    from collections.abc import Callable

_ENCLOSING = "dynamodb:EnclosingOperation"
_REQUESTS = {
    "dynamodb:ExecuteStatement",
    "dynamodb:BatchExecuteStatement",
    "dynamodb:ExecuteTransaction",
}
_ACTIONS = {
    "SELECT": "dynamodb:PartiQLSelect",
    "EXISTS": "dynamodb:PartiQLSelect",
    "INSERT": "dynamodb:PartiQLInsert",
    "UPDATE": "dynamodb:PartiQLUpdate",
    "DELETE": "dynamodb:PartiQLDelete",
}
_STATEMENT = re.compile(
    r"""\s*(?P<verb>SELECT|EXISTS|INSERT|UPDATE|DELETE)\b
        (?:.*?\b(?:FROM|INTO)\s+|\s+)
        (?:"(?P<quoted>[^"]+)"|(?P<bare>[\w.-]+))
        (?:\."(?P<index>[^"]+)")?""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

_original = iam_actions.dynamodb_transaction_checks


def apply() -> None:
    """Let the engine's item-by-item check know PartiQL."""
    iam_actions.dynamodb_transaction_checks = _checks
    iam_evaluator.enforce = _with_single_operation(iam_evaluator.enforce)


def _with_single_operation(enforce: Callable[..., object]) -> Callable[..., object]:
    def enforce_item(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> object:
        context = dict(service_context or {})
        if isinstance(context.get(_ENCLOSING), list):
            [context[_ENCLOSING]] = context[_ENCLOSING]
        return enforce(access_key_id, iam_action, service, region, resource_arn, context)

    return enforce_item


def _checks(iam_action: str, body: bytes, region: str, account_id: str) -> list[tuple[str, str]]:
    if iam_action not in _REQUESTS:
        return _original(iam_action, body, region, account_id)  # type: ignore[no-any-return]
    return [_check(statement, region, account_id) for statement in _statements(body)]


def _statements(body: bytes) -> list[str]:
    try:
        data: dict[str, Any] = json.loads(body or b"{}")
    except ValueError:
        return []
    many = data.get("TransactStatements") or data.get("Statements") or [data]
    return [str(one.get("Statement", "")) for one in many]


def _check(statement: str, region: str, account_id: str) -> tuple[str, str]:
    match = _STATEMENT.match(statement)
    if match is None:
        return "dynamodb:PartiQLUnknown", "*"  # held by nobody: an unread statement is refused
    arn = iam_actions._dynamodb_table_arn(match["quoted"] or match["bare"], region, account_id)
    return _ACTIONS[match["verb"].upper()], arn + (f"/index/{match['index']}" if match["index"] else "")
