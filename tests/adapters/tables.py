"""The pipeline's tables with the keys and indexes that the template gives them."""

from __future__ import annotations

from typing import Any

ORDERS = "orders"
INVENTORY = "inventory"
IDEMPOTENCY = "idempotency"
LEDGER = "ledger"
FAILURES = "failures"
OPERATIONS = "operations"

_NUMBERS = frozenset({"entry_no"})


def create_tables(client: Any) -> None:
    """Create all of them."""
    _create(
        client,
        ORDERS,
        ("order_id", "item"),
        by_client=("client", "accepted_at"),
        open_orders=("open", "accepted_at"),
    )
    _create(client, INVENTORY, ("sku",))
    _create(client, IDEMPOTENCY, ("id",))
    _create(client, LEDGER, ("order_id", "entry_no"), by_period=("period", "booked_at"))
    _create(client, FAILURES, ("id", "item"), by_list=("list", "last_seen"))
    _create(client, OPERATIONS, ("subject", "at_id"), by_day=("day", "at_id"))


def drop_tables(client: Any) -> None:
    """Delete all that there are."""
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)


def _create(client: Any, name: str, key: tuple[str, ...], **indexes: tuple[str, str]) -> None:
    attributes = {*key, *(attribute for index in indexes.values() for attribute in index)}
    projection = "ALL" if name in {LEDGER, FAILURES, OPERATIONS} else "KEYS_ONLY"
    secondary = [
        {"IndexName": index, "KeySchema": _schema(parts), "Projection": {"ProjectionType": projection}}
        for index, parts in indexes.items()
    ]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_schema(key),
        AttributeDefinitions=[
            {"AttributeName": a, "AttributeType": "N" if a in _NUMBERS else "S"} for a in sorted(attributes)
        ],
        **({"GlobalSecondaryIndexes": secondary} if secondary else {}),
    )


def _schema(key: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": a, "KeyType": kind} for a, kind in zip(key, ("HASH", "RANGE"), strict=False)]
