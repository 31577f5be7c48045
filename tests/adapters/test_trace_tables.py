"""What a trace reads in the tables: everything of an order, in whatever state it was left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.ledger import entry_values
from lambdas.adapters.dynamodb.refunds import refund_to_item
from lambdas.adapters.dynamodb.stock_moves import RESERVATION, marker_key
from lambdas.domain.ledger import capture_entry
from lambdas.domain.refund import Refund, RefundLine, RefundStatus
from lambdas.domain.transitions import completed, released, reserved
from orders.trace.model import NotRead, StoredOrder
from orders.trace.stored import read_ledger, read_order, read_stock
from tests.adapters.examples import CLAIM, LATER, an_order, claimed, many_lines, put_stock, stored
from tests.adapters.tables import INVENTORY, LEDGER, ORDERS

if TYPE_CHECKING:
    from lambdas.domain.order import Order


def found(dynamodb: Any, order: Order) -> StoredOrder:
    """Read an order that is there."""
    read = read_order(dynamodb, ORDERS, order.order_id)
    assert read is not None
    return read


def states(dynamodb: Any, read: StoredOrder) -> dict[str, str]:
    """What the order has of each SKU."""
    stock = read_stock(dynamodb, INVENTORY, read)
    assert isinstance(stock, tuple)
    return {line.sku: line.state for line in stock}


def test_an_unknown_order_is_none(dynamodb: Any) -> None:
    assert read_order(dynamodb, ORDERS, "ord_" + "a" * 26) is None


@pytest.mark.parametrize("count", [2, 120])
def test_an_order_is_read_whole_with_the_lines_that_were_accepted(dynamodb: Any, count: int) -> None:
    orders = DynamoOrderStore(dynamodb, ORDERS)
    order = claimed(orders, an_order(lines=many_lines(count)))
    read = found(dynamodb, order)
    assert read.order == stored(orders, order)
    assert read.lines == many_lines(count)
    assert (read.refunds, read.chunks) == ((), frozenset())


def test_lines_that_are_gone_or_changed_are_said_and_hide_nothing_else(dynamodb: Any) -> None:
    orders = DynamoOrderStore(dynamodb, ORDERS)
    order = claimed(orders, an_order(lines=many_lines(120)))
    key = to_item({"order_id": order.order_id, "item": f"LINES#{order.lines_digest}"})
    fewer = to_item({"lines": [{"sku": "sku-0000", "quantity": 1, "unit_price": 100}]})
    dynamodb.put_item(TableName=ORDERS, Item={**key, **fewer})
    read = found(dynamodb, order)
    assert read.lines == NotRead("its lines are not those that were accepted")
    assert read_stock(dynamodb, INVENTORY, read) == read.lines
    dynamodb.delete_item(TableName=ORDERS, Key=key)
    assert found(dynamodb, order).lines == NotRead("its lines are not in the table")


def test_the_goods_of_an_order_are_where_its_head_says(dynamodb: Any) -> None:
    put_stock(dynamodb, {"mug-blue": 7})
    orders = DynamoOrderStore(dynamodb, ORDERS)
    order = claimed(orders, an_order())
    read = found(dynamodb, order)
    assert states(dynamodb, read) == {"mug-blue": "not held", "tea-assam": "not held"}
    for after, state in (
        (reserved(order, LATER), "reserved"),
        (released(reserved(order, LATER), LATER), "given back"),
        (completed(reserved(order, LATER), LATER), "shipped"),
    ):
        assert set(states(dynamodb, replace(read, order=after)).values()) == {state}
    stock = read_stock(dynamodb, INVENTORY, read)
    assert isinstance(stock, tuple)
    assert [(line.sku, line.quantity, line.on_hand) for line in stock] == [
        ("mug-blue", 2, 7),
        ("tea-assam", 1, None),  # not in the catalogue
    ]


def test_a_large_order_that_is_held_in_part_has_what_its_markers_say(dynamodb: Any) -> None:
    lines = many_lines(250)
    put_stock(dynamodb, {line.sku: 1 for line in lines})
    orders = DynamoOrderStore(dynamodb, ORDERS)
    order = claimed(orders, an_order(lines=lines))
    for number in (0, 2):
        dynamodb.put_item(TableName=ORDERS, Item=marker_key(order, RESERVATION, number))
    read = found(dynamodb, order)
    assert read.chunks == {0, 2}
    held = [state for _, state in sorted(states(dynamodb, read).items())]
    assert held == ["reserved"] * 98 + ["not held"] * 98 + ["reserved"] * 54
    turned_back = replace(read, order=released(reserved(order, LATER), LATER))
    held = [state for _, state in sorted(states(dynamodb, turned_back).items())]
    assert held == ["reserved"] * 98 + ["given back"] * 98 + ["reserved"] * 54
    done = completed(reserved(order, LATER), LATER)
    assert set(states(dynamodb, replace(read, order=done)).values()) == {"shipped"}


def test_refunds_are_read_in_the_order_of_their_requests_with_what_came_back(dynamodb: Any) -> None:
    orders = DynamoOrderStore(dynamodb, ORDERS)
    order = claimed(orders, an_order())
    put_stock(dynamodb, {"mug-blue": 8, "tea-assam": 9})
    late = a_refund(order, "b", "2026-11-20T12:00:00.000Z", RefundLine(1, 1), restocked=True)
    early = a_refund(order, "c", "2026-11-20T11:00:00.000Z", RefundLine(1, 1), RefundLine(2, 1))
    for refund in (late, early):
        dynamodb.put_item(TableName=ORDERS, Item=refund_to_item(refund))
    dynamodb.put_item(TableName=ORDERS, Item=marker_key(order, f"RESTOCK#{late.refund_id}", 0))
    read = found(dynamodb, order)
    assert read.refunds == (early, late)
    assert read.chunks == frozenset()
    assert read.returned(early) == {"mug-blue": 1, "tea-assam": 1}
    stock = read_stock(dynamodb, INVENTORY, read)
    assert isinstance(stock, tuple)
    assert {line.sku: line.restocked for line in stock} == {"mug-blue": 1, "tea-assam": 0}


def test_entries_are_read_by_number_and_a_changed_one_is_found(dynamodb: Any) -> None:
    order = an_order()
    first = capture_entry(order, LATER, "pi_1")
    second = replace(first, entry_no=2, kind="refund")
    for entry in (second, first):
        dynamodb.put_item(TableName=LEDGER, Item=to_item(entry_values(entry)))
    read = read_ledger(dynamodb, LEDGER, order.order_id)
    assert [(booked.entry, booked.intact) for booked in read] == [(first, True), (second, True)]
    forged = to_item({**entry_values(first), "psp_reference": "pi_2"})
    dynamodb.put_item(TableName=LEDGER, Item=forged)
    assert [booked.intact for booked in read_ledger(dynamodb, LEDGER, order.order_id)] == [False, True]


def test_a_live_claim_is_told_from_one_that_ran_out(dynamodb: Any) -> None:
    order = claimed(DynamoOrderStore(dynamodb, ORDERS), an_order())
    read = found(dynamodb, order)
    assert read.order.claim == CLAIM
    assert read.claim_is_live(read.claim_until)
    assert not read.claim_is_live(read.claim_until.replace(year=2027))


def a_refund(
    order: Order, letter: str, requested_at: str, *lines: RefundLine, restocked: bool = False
) -> Refund:
    """A refund that succeeded."""
    return Refund(
        refund_id="ref_" + letter * 26,  # type: ignore[arg-type] # as derived
        order_id=order.order_id,
        amount=100,
        currency="GBP",
        reason_code="returned",
        restock=restocked,
        request_hash="",
        requested_at=requested_at,
        updated_at=requested_at,
        lines=lines,
        status=RefundStatus.SUCCEEDED,
        restocked=restocked,
    )
