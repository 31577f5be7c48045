"""ExecuteTransaction: what it costs, and how it reports why it was cancelled.

AWS: `CancellationReasons[].Code` is `DuplicateItem`, `ConditionalCheckFailed` or
`ValidationError` (DynamoDB API reference, TransactionCanceledException and BatchStatementError).

Engine: it is atomic, but by a deep copy of every table that a statement names, so that a booking
takes longer with each order in the table; and the codes are exceptions' names
(`DuplicateItemException`).

Mend: the transaction runs on tables that hold only the items that it names, and what it did to
them is then done to the real ones. All under the lock of `table_lock`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from ministack.services import dynamodb

_NO_SORT_KEY = "__no_sort__"
_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ValidationException": "ValidationError",
}

Response = tuple[int, dict[str, str], bytes]
_Table = dict[str, Any]
_Key = tuple[str, str]
_original = dynamodb._execute_transaction


def apply() -> None:
    """Run transactions on the items that they name."""
    dynamodb._execute_transaction = _execute_transaction


def _execute_transaction(data: dict[str, Any]) -> Response:
    real_tables = dynamodb._tables
    try:
        touched = _touched(data.get("TransactStatements") or [])
    except ValueError:
        unchanged: Response = _original(data)  # the engine words the error
        return unchanged
    small = {name: _only(real_tables[name], keys) for name, keys in touched.items()}
    dynamodb._tables = small
    try:
        status, headers, body = _original(data)
    finally:
        dynamodb._tables = real_tables
    if status != 200:  # noqa: PLR2004 - HTTP
        return status, headers, _with_documented_codes(body)
    for name, keys in touched.items():
        for key in keys:
            _take_over(small[name], real_tables[name], key)
    return status, headers, body


def _touched(statements: list[dict[str, Any]]) -> dict[str, set[_Key]]:
    """The keys that the statements name, by table.

    Raises:
        ValueError: A statement cannot be parsed, or names no existing table or no full key.
    """
    touched: dict[str, set[_Key]] = {}
    for statement in statements:
        parsed = dynamodb._parse_partiql(statement.get("Statement", ""), statement.get("Parameters", []))
        if parsed.get("op") == "EXISTS":
            parsed = parsed["select"]
        table = dynamodb._tables.get(parsed["table"])
        if table is None:
            raise ValueError(parsed["table"])
        touched.setdefault(parsed["table"], set()).add(_key(table, parsed))
    return touched


def _key(table: _Table, parsed: dict[str, Any]) -> _Key:
    if parsed["op"] == "INSERT":
        item = parsed.get("item") or {}
        item = item["M"] if set(item) == {"M"} else item
        partition = dynamodb._extract_key_val(item.get(table["pk_name"]))
        sort = dynamodb._extract_key_val(item.get(table["sk_name"])) if table["sk_name"] else _NO_SORT_KEY
    else:
        partition, sort, _, error = dynamodb._partiql_key_target(table, parsed)
        if error:
            raise ValueError(parsed["table"])
    return partition, sort


def _only(table: _Table, keys: set[_Key]) -> _Table:
    """The table with no items but those of the keys, and without its index."""
    items: dict[str, dict[str, Any]] = defaultdict(dict)
    for partition, sort in keys:
        item = table["items"].get(partition, {}).get(sort)
        if item is not None:
            items[partition][sort] = item
    return {k: v for k, v in table.items() if k != dynamodb._INDEX_MEMBERS} | {"items": items}


def _take_over(small: _Table, real: _Table, key: _Key) -> None:
    partition, sort = key
    before = real["items"].get(partition, {}).get(sort)
    after = small["items"].get(partition, {}).get(sort)
    if after is before:
        return
    if after is None:
        dynamodb._remove_item(real, partition, sort)
    else:
        dynamodb._set_item(real, partition, sort, after)


def _with_documented_codes(body: bytes) -> bytes:
    try:
        error = json.loads(body)
    except (TypeError, ValueError):
        return body
    reasons = error.get("CancellationReasons") if isinstance(error, dict) else None
    if not reasons:
        return body
    for reason in reasons:
        reason["Code"] = _CODES.get(reason["Code"], reason["Code"])
    error["message"] = (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        f"[{', '.join(reason['Code'] for reason in reasons)}]"
    )
    return json.dumps(error).encode()
