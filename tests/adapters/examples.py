"""Orders as clients send them, in the states from which the tests start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.catalogue import product_to_item
from lambdas.domain.catalogue import Product
from lambdas.domain.identifiers import ClientId, OrderId, order_id_for
from lambdas.domain.order import Event, Line, Order, digest_lines, initial_payment_status
from tests.adapters.tables import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

CLIENT = ClientId("shop-1")
CLAIM = "ord_a-execution-1"
ACCEPTED_AT = "2026-11-20T10:00:00.000Z"
CLAIMED_AT = "2026-11-20T10:00:01.000Z"
LATER = "2026-11-20T10:00:02.000Z"
MUCH_LATER = "2026-11-20T11:00:00.000Z"
CLAIM_SECONDS = 240
MAX_WRITES = 25  # of one BatchWriteItem
CLAIMED_AT_EPOCH = 1_795_168_801
TWO_LINES = (Line("mug-blue", 2, 1250, 2000), Line("tea-assam", 1, 800, 500))


def an_order(
    key: str = "key-1",
    *,
    client: ClientId = CLIENT,
    lines: tuple[Line, ...] = TWO_LINES,
    accepted_at: str = ACCEPTED_AT,
    payment_method: str | None = "pm_card_visa",
    reference: str | None = None,
) -> Order:
    """An order that was just accepted."""
    total = sum(line.total for line in lines)
    return Order(
        order_id=order_id_for(client, key),
        client=client,
        currency="GBP",
        total=total,
        tax=sum(line.tax for line in lines),
        request_hash=digest_lines(lines)[::-1],
        lines_digest=digest_lines(lines),
        accepted_at=accepted_at,
        payment_method=payment_method,
        reference=reference,
        lines=lines,
        payment_status=initial_payment_status(total),
        updated_at=accepted_at,
        timeline=(Event(accepted_at, "accepted"),),
    )


def many_lines(count: int, quantity: int = 1) -> tuple[Line, ...]:
    """Lines of that many distinct SKUs."""
    return tuple(Line(f"sku-{n:04d}", quantity, 100) for n in range(count))


def claimed(orders: DynamoOrderStore, order: Order, claim: str = CLAIM) -> Order:
    """Write the order and claim it."""
    assert orders.create(order) is None
    return claim_order(orders, order.order_id, claim)


def claim_order(
    orders: DynamoOrderStore,
    order_id: OrderId,
    claim: str = CLAIM,
    at: str = CLAIMED_AT,
    until: int | None = None,
) -> Order:
    """Claim an order for four minutes from `CLAIMED_AT` on."""
    return orders.claim(order_id, claim, until or CLAIMED_AT_EPOCH + CLAIM_SECONDS, at)


def stored(orders: DynamoOrderStore, order: Order) -> Order:
    """The order as it lies in the table."""
    found = orders.get(order.order_id)
    assert found is not None
    return found


def put_stock(client: Any, on_hand: Mapping[str, int]) -> None:
    """Offer SKUs with that much on hand."""
    products = [Product(sku, "GBP", {"list": 100}, on_hand=left) for sku, left in on_hand.items()]
    writes = [{"PutRequest": {"Item": product_to_item(product)}} for product in products]
    for start in range(0, len(writes), MAX_WRITES):
        client.batch_write_item(RequestItems={INVENTORY: writes[start : start + MAX_WRITES]})
