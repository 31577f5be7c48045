"""What cancellations and refunds add to a head, in write units, by DynamoDB's own size rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.ledger import entry_values
from lambdas.adapters.dynamodb.order_items import head_key
from lambdas.adapters.dynamodb.refunds import refund_to_item
from lambdas.domain.identifiers import key_digest_for
from lambdas.domain.order import Cancellation, PaymentStatus
from lambdas.domain.refund import Refund, RefundLine
from lambdas.domain.submission import MAX_LINES, MAX_QUANTITY
from lambdas.domain.transitions import (
    cancellation_requested,
    cancelled,
    refund_requested,
    refunded,
    released,
    reserved,
    restocked,
)
from tests.adapters.examples import LATER, MUCH_LATER, an_order, claim_order, stored
from tests.adapters.refund_examples import ASKED_AT, INTENT, a_refund, booking, claim_sold, succeeded
from tests.adapters.tables import ORDERS
from tests.adapters.test_item_sizes import (
    ITEM_LIMIT_BYTES,
    ROLE,
    TWO_USUAL_LINES,
    heads_of_a_sale,
    item_bytes,
    write_units,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order

WISH = Cancellation(LATER, "customer_request", key_digest_for("route", "key"), "0" * 32)


def usual(reference: str | None = "PO-2026-004711") -> Order:
    """An order as most clients send it."""
    method = "pm_1QLkyZ2eZvKYlo2C1abcDEFg"
    return an_order(client=ROLE, lines=TWO_USUAL_LINES, payment_method=method, reference=reference)


def head_of(dynamodb: Any, order: Order) -> dict[str, Any]:
    item: dict[str, Any] = dynamodb.get_item(TableName=ORDERS, Key=head_key(order.order_id))["Item"]
    return item


def refund_once(orders: DynamoOrderStore, order: Order) -> None:
    """Refund and restock something of a sold order."""
    head = stored(orders, order)
    assert orders.amend(refund_requested(head, ASKED_AT, 100))
    taken = claim_sold(orders, order, f"{order.order_id}-0123456789ab")
    assert taken.claim
    after = refunded(taken, MUCH_LATER, 100, 16, last_step=False)
    orders.save(after, taken.claim)
    orders.save(restocked(after, MUCH_LATER), taken.claim)


def test_the_head_of_a_cancelled_order_is_at_most_two_write_units(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    order = usual("x" * 100)
    orders.create(order)
    claim = f"{order.order_id}-0123456789ab"
    head = replace(claim_order(orders, order.order_id, claim), payment_intent=INTENT)
    sizes = []
    steps: tuple[Callable[[Order], Order], ...] = (
        lambda o: reserved(o, LATER),
        lambda o: cancellation_requested(o, LATER, WISH),
        lambda o: released(o, LATER),
        lambda o: cancelled(o, MUCH_LATER, payment=PaymentStatus.VOIDED),
    )
    for step in steps:
        head = step(head)
        orders.save(head, claim)
        sizes.append(write_units(head_of(dynamodb, order)))
    assert max(sizes) == 2


@pytest.mark.parametrize("times", [1, 3, 12])
def test_the_head_of_a_refunded_order_is_two_write_units_however_often_it_is_refunded(
    orders: DynamoOrderStore, dynamodb: Any, times: int
) -> None:
    """The timeline is cut at its limit, and the sums are four numbers."""
    order = usual()
    sale = heads_of_a_sale(orders, dynamodb, order)
    assert write_units(sale[-1]) == 1
    for _ in range(times):
        refund_once(orders, order)
    assert write_units(head_of(dynamodb, order)) == 2


def test_a_refund_of_a_few_lines_and_its_entry_are_one_write_unit_each() -> None:
    made = a_refund(lines=tuple(RefundLine(n, 3) for n in range(1, 9)), restock=True)
    assert write_units(refund_to_item(succeeded(made))) == 1
    _, entry, _ = booking(replace(usual(), entries=1), made)
    assert write_units(to_item(entry_values(entry))) == 1


def test_no_refund_nears_dynamodbs_limit() -> None:
    parts = tuple(RefundLine(MAX_LINES, MAX_QUANTITY) for _ in range(MAX_LINES))
    largest: Refund = succeeded(a_refund(lines=parts, restock=True))
    assert item_bytes(refund_to_item(largest)) < ITEM_LIMIT_BYTES * 0.2
