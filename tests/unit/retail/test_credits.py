from __future__ import annotations

import json

import pytest

from orders.retail.credits import Matched, match_credits, sale_of
from orders.retail.reasons import Reason
from tests.unit.retail.files import line, sorted_rows

LATER = "02/12/2010 09:00"
LAST = "03/12/2010 09:00"


def match(*lines: str, completed: set[str] | None = None, unsure: set[str] | None = None) -> Matched:
    """Match the credits of a file of which these orders completed, or all."""
    found = sorted_rows(*lines)
    sales = [
        sale_of(order, f"ord-{number}")
        for number, order in found.orders.items()
        if completed is None or number in completed
    ]
    return match_credits(found.credit_notes.values(), sales, unsure or set())


def credit(
    quantity: int = -1, sku: str = "10001", *, number: str = "C700009", at: str = LAST, **more: str
) -> str:
    """A line of a credit note."""
    return line(number, sku, quantity, at=at, **more)


def refunds(matched: Matched) -> dict[str, dict[int, int]]:
    """The quantities by line, by key."""
    return {refund.key: refund.quantities for refund in matched.refunds}


def reasons(matched: Matched) -> list[Reason]:
    """Why the others are no refunds."""
    return [reason for _, reason in matched.excluded]


def test_a_credit_takes_back_of_the_newest_order_that_has_enough() -> None:
    found = match(line("700001", quantity=5), line("700002", quantity=2, at=LATER), credit(-2), credit(-3))
    assert refunds(found) == {"retail-C700009-700002": {1: 2}, "retail-C700009-700001": {1: 3}}
    assert [refund.amount for refund in found.refunds] == [510, 765]
    assert not found.excluded


def test_rows_of_one_credit_note_for_one_order_are_one_refund_by_lines() -> None:
    found = match(
        line("700001"),
        line("700001", sku="10002", price="1"),
        credit(),
        credit(),
        credit(sku="10002", price="1"),
    )
    (refund,) = found.refunds
    assert (refund.key, refund.order_id, refund.amount) == ("retail-C700009-700001", "ord-700001", 610)
    assert json.loads(refund.body()) == {
        "reason_code": "returned",
        "lines": [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 1}],
        "restock": True,
    }


def test_lines_are_counted_as_the_order_has_them_and_not_as_the_file_does() -> None:
    found = match(line(sku="POST"), line(quantity=-7), line(sku="10002"), line(), credit())
    assert refunds(found) == {"retail-C700009-700001": {2: 1}}


def test_a_product_that_an_order_names_twice_is_taken_from_both_lines() -> None:
    found = match(line(quantity=2), line(sku="10002"), line(quantity=3), credit(-4), credit(-1))
    assert refunds(found) == {"retail-C700009-700001": {1: 2, 3: 3}}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([credit()], Reason.CREDIT_ORDER_UNKNOWN),
        ([line(customer="90002"), credit()], Reason.CREDIT_ORDER_UNKNOWN),
        ([line(at=LAST), credit(at=LATER)], Reason.CREDIT_ORDER_UNKNOWN),
        ([line(sku="10002"), credit()], Reason.CREDIT_LINE_UNKNOWN),
        ([line(sku="10001a"), credit(sku="10001A")], Reason.CREDIT_LINE_UNKNOWN),
        ([line(price="2.54"), credit()], Reason.CREDIT_LINE_UNKNOWN),
        ([line(quantity=2), credit(-3)], Reason.CREDIT_EXCEEDS_SALE),
    ],
)
def test_a_credit_without_its_sale_has_a_reason(lines: list[str], reason: Reason) -> None:
    found = match(*lines)
    assert (refunds(found), reasons(found)) == ({}, [reason])


def test_what_is_refunded_is_not_refunded_again() -> None:
    found = match(line(quantity=2), credit(-2, number="C700008", at=LATER), credit(-1))
    assert list(refunds(found)) == ["retail-C700008-700001"]
    assert reasons(found) == [Reason.CREDIT_EXCEEDS_SALE]


def test_the_earlier_credit_comes_first_wherever_it_stands_in_the_file() -> None:
    found = match(credit(-1), credit(-2, number="C700008", at=LATER), line(quantity=2))
    assert list(refunds(found)) == ["retail-C700008-700001"]


def test_of_two_orders_of_one_minute_the_later_in_the_file_is_the_newer() -> None:
    lines = (line("700001"), line("700002"), credit(-2), credit(-2))
    assert list(refunds(match(*lines))) == ["retail-C700009-700002", "retail-C700009-700001"]
    assert refunds(match(*lines)) == refunds(match(*lines))


def test_a_credit_of_the_same_minute_is_not_too_early() -> None:
    assert list(refunds(match(line(at=LAST), credit(at=LAST)))) == ["retail-C700009-700001"]


def test_an_order_that_did_not_complete_takes_nothing_back() -> None:
    found = match(line("700001"), line("700002", at=LATER), credit(), completed={"700001"})
    assert list(refunds(found)) == ["retail-C700009-700001"]


def test_a_customer_whose_order_has_not_ended_waits() -> None:
    """Or the next run, which sees the order completed, would match another sale and pay twice."""
    lines = (line("700001"), line("700002", at=LATER), credit(), credit(customer="90002"))
    found = match(*lines, completed={"700001"}, unsure={"90001"})
    assert refunds(found) == {}
    assert reasons(found) == [Reason.CREDIT_AWAITS_ORDER, Reason.CREDIT_ORDER_UNKNOWN]
