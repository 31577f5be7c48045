"""The journal's records of tables: the items that a request has changed, as they are afterwards.

`{"items": [[table ARN, partition key, sort key, item or null], ...]}`; keys are the engine's.
"""

from __future__ import annotations

import contextlib
import functools
import json
from typing import TYPE_CHECKING, Any

from ministack.services import dynamodb

from orders.local.engine.journal.writer import JournalWriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orders.local.engine.journal.writer import Journal

_OPERATIONS = (
    "_batch_execute_statement",
    "_batch_write_item",
    "_delete_item",
    "_execute_statement",
    "_execute_transaction",
    "_put_item",
    "_transact_write_items",
    "_update_item",
)
_INTERNAL_ERROR = 500

Item = dict[str, Any]
_Key = tuple[str, str, str]

_set_item = dynamodb._set_item
_remove_item = dynamodb._remove_item
_changed: dict[_Key, Item | None] | None = None
"""What the present request has changed, as it was before; the holder of the tables' lock has it."""


def apply(journal: Journal) -> None:
    """Write each request's changes to the journal, after `table_lock` and what replaces operations."""
    for name in _OPERATIONS:
        setattr(dynamodb, name, _recorded(getattr(dynamodb, name), journal))
    dynamodb._set_item = _noted(_set_item, journal)
    dynamodb._remove_item = _noted(_remove_item, journal)


def take_over(record: dict[str, Any]) -> int:
    """Bring the tables to a record's state.

    Returns:
        How many of its changes are of tables that do not exist.
    """
    homeless = 0
    for arn, partition, sort, item in record.get("items", ()):
        table = _table(arn)
        if table is None:
            homeless += 1
        else:
            _put(table, partition, sort, item)
    return homeless


def _recorded(operation: Callable[..., object], journal: Journal) -> Callable[..., object]:
    @functools.wraps(operation)
    def recorded(*args: object, **kwargs: object) -> object:
        try:
            with _recording(journal):
                return operation(*args, **kwargs)
        except JournalWriteError as error:
            answer: object = dynamodb.error_response_json("InternalServerError", str(error), _INTERNAL_ERROR)
            return answer

    return recorded


def _noted(change: Callable[..., Item | None], journal: Journal) -> Callable[..., Item | None]:
    def noted(table: dict[str, Any], partition: str, sort: str, *item: Item) -> Item | None:
        with _recording(journal) as changed:
            before = change(table, partition, sort, *item)
            changed.setdefault((table["TableArn"], partition, sort), before)
            return before

    return noted


@contextlib.contextmanager
def _recording(journal: Journal) -> Iterator[dict[_Key, Item | None]]:
    """Collect changes; the outermost collection writes them, or undoes them where that fails."""
    global _changed  # noqa: PLW0603 - guarded by the engine's own global lock
    with dynamodb._lock:
        if _changed is not None:
            yield _changed
            return
        _changed = {}
        try:
            yield _changed
        finally:
            changed, _changed = _changed, None
            try:
                _write(journal, changed)
            except JournalWriteError:
                for (arn, partition, sort), before in changed.items():
                    table = _table(arn)
                    if table is not None:
                        _put(table, partition, sort, before)
                raise


def _write(journal: Journal, changed: dict[_Key, Item | None]) -> None:
    items = []
    for (arn, partition, sort), before in changed.items():
        table = _table(arn)
        after = table and table["items"].get(partition, {}).get(sort)
        if after is not before:
            items.append((arn, partition, sort, after))
    if items:
        journal.append(json.dumps({"items": items}, separators=(",", ":")).encode())


def _put(table: dict[str, Any], partition: str, sort: str, item: Item | None) -> None:
    if item is None:
        _remove_item(table, partition, sort)
    else:
        _set_item(table, partition, sort, item)


def _table(arn: str) -> dict[str, Any] | None:
    _, _, _, region, account, resource = arn.split(":", 5)
    table: dict[str, Any] | None = dynamodb._tables.get_scoped(
        account, region, resource.removeprefix("table/")
    )
    return table
