"""How an order lies in the orders table.

`HEAD` is the order itself and stays under 1 KB, one write unit, for the orders that most clients send: their
lines are in it. The lines of larger orders are one item `LINES#<digest>`, named by what is in it, so that a
repeated or a different submission under the same key can never overwrite the lines of an accepted order.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item, item_bytes, to_attribute, to_item
from lambdas.domain.identifiers import ClientId, OrderId
from lambdas.domain.order import (
    NO_REFUNDS,
    Cancellation,
    Event,
    FulfillmentStatus,
    Line,
    Order,
    PaymentStatus,
    RefundSums,
    Status,
    extend_timeline,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD: Final = "HEAD"
WRITE_UNIT_BYTES: Final = 1_024
# What claim, payment and timeline add to a head between its first write and its last.
GROWTH_BYTES: Final = 330
OPEN_SHARDS: Final = 8

_MUTABLE: Final = (
    "status",
    "payment_status",
    "fulfillment_status",
    "updated_at",
    "revision",
    "timeline",
    "reason",
    "payment_intent",
)
# Absent while they are nothing.
_SELDOM: Final = ("key_generation", "expiring", "ending", "abandoned", "held", "handed_back", "entries")


def head_key(order_id: str) -> dict[str, Any]:
    """Return the key of the order's head."""
    return to_item({"order_id": order_id, "item": HEAD})


def lines_key(order: Order) -> dict[str, Any]:
    """Return the key of the item that keeps a large order's lines."""
    return to_item({"order_id": order.order_id, "item": f"LINES#{order.lines_digest}"})


def new_items(order: Order) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Encode a new order: its head, and the item of its lines where they do not fit into the head."""
    lines = [_line_to_map(line) for line in order.lines or ()]
    head = to_item(
        {
            "order_id": order.order_id,
            "item": HEAD,
            "client": order.client,
            "accepted_at": order.accepted_at,
            "open": open_partition(order),
            "currency": order.currency,
            "total": order.total,
            "tax": order.tax,
            "request_hash": order.request_hash,
            "lines_digest": order.lines_digest,
            "payment_method": order.payment_method,
            "reference": order.reference,
            **_mutable_values(order),
        }
    )
    with_lines = {**head, "lines": to_attribute(lines)}
    if item_bytes(with_lines) + GROWTH_BYTES <= WRITE_UNIT_BYTES:
        return with_lines, None
    return head, {**lines_key(order), "lines": to_attribute(lines)}


def open_partition(order: Order) -> str:
    """Name the partition of the index of open orders that the order belongs to."""
    return open_partitions()[int(order.request_hash[:2], 16) % OPEN_SHARDS]


def open_partitions() -> list[str]:
    """Name all partitions of the index of open orders."""
    return [f"open#{shard}" for shard in range(OPEN_SHARDS)]


def order_from_head(item: Mapping[str, Any]) -> Order:
    """Decode a head."""
    values = from_item(item)
    lines = values.get("lines")
    cancellation = values.get("cancellation")
    return Order(
        order_id=OrderId(values["order_id"]),
        client=ClientId(values["client"]),
        currency=values["currency"],
        total=values["total"],
        tax=values["tax"],
        request_hash=values["request_hash"],
        lines_digest=values["lines_digest"],
        accepted_at=values["accepted_at"],
        payment_method=values.get("payment_method"),
        reference=values.get("reference"),
        lines=None if lines is None else lines_from_maps(lines),
        status=Status(values["status"]),
        payment_status=PaymentStatus(values["payment_status"]),
        fulfillment_status=FulfillmentStatus(values["fulfillment_status"]),
        reason=values.get("reason"),
        updated_at=values["updated_at"],
        claim=values.get("claim"),
        claim_until=values.get("claim_until", 0),
        payment_intent=values.get("payment_intent"),
        revision=values["revision"],
        cancellation=Cancellation(**cancellation) if cancellation else None,
        refunds=RefundSums(**values["refunds"]) if "refunds" in values else NO_REFUNDS,
        **{name: values[name] for name in _SELDOM if name in values},
        # Claims append to the stored list without reading it; it is cut here, and with the next `save`.
        timeline=extend_timeline((), *(Event(*event.split(" ", 1)) for event in values["timeline"])),
    )


def lines_from_maps(maps: list[dict[str, Any]]) -> tuple[Line, ...]:
    """Decode the lines of a head or of a `LINES#` item."""
    return tuple(
        Line(m["sku"], m["quantity"], m["unit_price"], m.get("tax_rate", 0), m.get("price_id", "list"))
        for m in maps
    )


def head_update(order: Order, claim: str | None, table: str) -> dict[str, Any]:
    """Build the parameters of UpdateItem, or of an Update in TransactWriteItems, that writes a changed head.

    It holds only over the revision that the change was made from, and under the claim (None: beside whoever
    has it). An order on which no work is left leaves the index of open orders.
    """
    values = {**_mutable_values(order), **_index_values(order)}
    assignments = ", ".join(f"#{name} = :{name}" for name in values)
    gone = tuple(name for name in ("held", "handed_back") if not getattr(order, name))
    removed = (*removed_attributes(order), *gone)
    remove = f" REMOVE {', '.join(f'#{name}' for name in removed)}" if removed else ""
    condition = "#revision = :read" if claim is None else "#claim = :claim AND #revision = :read"
    names = {*values, *removed, *(() if claim is None else ("claim",))}
    return {
        "TableName": table,
        "Key": head_key(order.order_id),
        "UpdateExpression": f"SET {assignments}{remove}",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": to_item(
            {
                **{f":{name}": value for name, value in values.items()},
                ":claim": claim,
                ":read": order.revision - 1,
            }
        ),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def head_update_statement(order: Order, claim: str, table: str) -> dict[str, Any]:
    """Build the same write as a PartiQL statement, for ExecuteTransaction."""
    values = {**_mutable_values(order), **_index_values(order)}
    assignments = " ".join(f'SET "{name}" = ?' for name in values)
    removals = "".join(f' REMOVE "{name}"' for name in removed_attributes(order))
    where = '"order_id" = ? AND "item" = ? AND "claim" = ? AND "revision" = ?'
    parameters = [*values.values(), order.order_id, HEAD, claim, order.revision - 1]
    return {
        "Statement": f'UPDATE "{table}" {assignments}{removals} WHERE {where}',
        "Parameters": [to_attribute(p) for p in parameters],
    }


def removed_attributes(order: Order) -> tuple[str, ...]:
    """Name the attributes that a changed head loses."""
    claim = () if order.claim else ("claim", "claim_until")
    return claim if order.open else (*claim, "open")


def event_text(event: Event) -> str:
    """Encode an event of the timeline."""
    return f"{event.at} {event.name}"


def _mutable_values(order: Order) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in _MUTABLE}
    values["timeline"] = [event_text(e) for e in order.timeline]
    values["cancellation"] = asdict(order.cancellation) if order.cancellation else None
    # Once there was a refund the sums stay, zeros included.
    values["refunds"] = asdict(order.refunds) if order.refunds is not NO_REFUNDS else None
    values |= {name: getattr(order, name) or None for name in _SELDOM}
    return {name: value for name, value in values.items() if value is not None}


def _index_values(order: Order) -> dict[str, Any]:
    """An order that had ended comes back into the index of open orders with its first refund."""
    return {"open": open_partition(order)} if order.terminal and order.open else {}


def _line_to_map(line: Line) -> dict[str, Any]:
    values: dict[str, Any] = {"sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price}
    if line.tax_rate:
        values["tax_rate"] = line.tax_rate
    if line.price_id != "list":
        values["price_id"] = line.price_id
    return values
