"""What the tables have of an order: head, lines, refunds, reservation markers, stock and journal entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.ledger import entry_from_item
from lambdas.adapters.dynamodb.order_items import HEAD, lines_from_maps, order_from_head
from lambdas.adapters.dynamodb.refunds import PREFIX as REFUND_PREFIX
from lambdas.adapters.dynamodb.refunds import refund_from_item
from lambdas.adapters.dynamodb.stock import SKUS_WITH_HEAD
from lambdas.adapters.dynamodb.stock_moves import RESERVATION, SKUS_WITH_MARKER
from lambdas.domain.order import FulfillmentStatus, digest_lines
from orders.trace.model import BookedEntry, NotRead, StockLine, StoredOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambdas.domain.order import Line, Order

_STATES = {
    FulfillmentStatus.RESERVED: "reserved",
    FulfillmentStatus.SHIPPED: "shipped",
    FulfillmentStatus.RELEASED: "given back",
}
NOT_HELD = "not held"
# Of a large order: what is true of a part of it that has no marker.
_IN_CHUNKS = {
    FulfillmentStatus.UNRESERVED: NOT_HELD,
    FulfillmentStatus.RESERVED: NOT_HELD,
    FulfillmentStatus.RELEASED: "given back",
}


def read_order(dynamodb: Any, table: str, order_id: str) -> StoredOrder | None:  # noqa: ANN401 - botocore's
    """Read all items of an order by one consistent query; None when there is no such order."""
    items = {item["item"]["S"]: item for item in _partition(dynamodb, table, order_id)}
    if HEAD not in items:
        return None
    order = order_from_head(items[HEAD])
    refunds = (refund_from_item(item) for name, item in items.items() if name.startswith(REFUND_PREFIX))
    markers = (name.partition("#") for name in items)
    return StoredOrder(
        order=order,
        lines=_lines(order, items),
        refunds=tuple(sorted(refunds, key=lambda refund: (refund.requested_at, refund.refund_id))),
        chunks=frozenset(int(number) for kind, _, number in markers if kind == RESERVATION),
    )


def read_stock(dynamodb: Any, table: str, stored: StoredOrder) -> tuple[StockLine, ...] | NotRead:  # noqa: ANN401 - botocore's
    """Read what is on hand of the order's SKUs, beside what the order has of each."""
    if isinstance(stored.lines, NotRead):
        return stored.lines
    wanted = stored.quantities
    products = DynamoCatalogue(dynamodb, table).products(wanted)
    restocked = _restocked(stored)
    return tuple(
        StockLine(
            sku=sku,
            quantity=quantity,
            state=_state(stored, number, len(wanted)),
            restocked=restocked.get(sku, 0),
            on_hand=products[sku].on_hand if sku in products else None,
        )
        for number, (sku, quantity) in enumerate(wanted.items())
    )


def read_ledger(dynamodb: Any, table: str, order_id: str) -> tuple[BookedEntry, ...]:  # noqa: ANN401 - botocore's
    """Read the order's journal entries in the order of their numbers."""
    return tuple(
        BookedEntry(entry := entry_from_item(item), intact=item["hash"]["S"] == entry.hash)
        for item in _partition(dynamodb, table, order_id)
    )


def _partition(dynamodb: Any, table: str, order_id: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - botocore's
    query = {
        "TableName": table,
        "KeyConditionExpression": "order_id = :order",
        "ExpressionAttributeValues": to_item({":order": order_id}),
        "ConsistentRead": True,
    }
    while True:
        answer = dynamodb.query(**query)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _lines(order: Order, items: Mapping[str, Any]) -> tuple[Line, ...] | NotRead:
    lines = order.lines
    if lines is None:
        kept = items.get(f"LINES#{order.lines_digest}")
        if kept is None:
            return NotRead("its lines are not in the table")
        lines = lines_from_maps(from_item(kept)["lines"])
    if digest_lines(lines) != order.lines_digest:
        return NotRead("its lines are not those that were accepted")
    return lines


def _restocked(stored: StoredOrder) -> dict[str, int]:
    back: dict[str, int] = {}
    for refund in stored.refunds:
        for sku, quantity in stored.returned(refund).items() if refund.restocked else ():
            back[sku] = back.get(sku, 0) + quantity
    return back


def _state(stored: StoredOrder, number: int, skus: int) -> str:
    """Say what the order has of its SKU with this number; large orders are held in chunks with markers."""
    status = stored.order.fulfillment_status
    if skus > SKUS_WITH_HEAD and status in _IN_CHUNKS:
        return "reserved" if number // SKUS_WITH_MARKER in stored.chunks else _IN_CHUNKS[status]
    return _STATES.get(status, NOT_HELD)
