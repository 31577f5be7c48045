from __future__ import annotations

import pytest

from lambdas.domain.order import Line, Order, RefundSums, Status
from lambdas.domain.refund import (
    RefundLine,
    RefundStatus,
    quantities_to_restock,
    refunded_quantities,
    tax_of_refund,
)
from tests.fakes.orders_made import AT, an_order
from tests.fakes.refunds_made import a_refund

LATER = "2026-03-15T00:00:00.000Z"
# Two at 20 % (tax 150 of 900), one without tax.
LINES = (Line("TEA", 2, 450, 2000), Line("MUG", 1, 1000))


def sold(refunded: int = 0, tax: int = 0) -> Order:
    """A completed order over `LINES`, of which something was refunded with some of its tax."""
    sums = RefundSums(reserved=refunded, refunded=refunded, tax=tax)
    return an_order(status=Status.COMPLETED, total=1900, tax=150, entries=1, lines=LINES, refunds=sums)


@pytest.mark.parametrize(
    ("status", "restock", "restocked", "finished"),
    [
        (RefundStatus.REQUESTED, False, False, False),
        (RefundStatus.REQUESTED, True, False, False),
        (RefundStatus.ATTENTION_REQUIRED, False, False, False),
        (RefundStatus.FAILED, False, False, True),
        (RefundStatus.FAILED, True, False, True),
        (RefundStatus.SUCCEEDED, False, False, True),
        (RefundStatus.SUCCEEDED, True, False, False),
        (RefundStatus.SUCCEEDED, True, True, True),
    ],
)
def test_a_refund_is_finished_when_money_and_goods_are_where_they_belong(
    status: RefundStatus, restock: bool, restocked: bool, finished: bool
) -> None:
    assert a_refund(status=status, restock=restock, restocked=restocked).finished == finished


@pytest.mark.parametrize("status", list(RefundStatus))
def test_the_first_answer_can_be_given_again_whatever_became_of_the_refund(status: RefundStatus) -> None:
    ended = a_refund(
        status=status, updated_at=LATER, failure="x", psp_reference="re_1", restock=True, restocked=True
    )
    assert ended.as_requested() == a_refund(restock=True)
    assert ended.as_requested().updated_at == AT


def test_quantities_add_up_over_all_refunds_that_have_not_failed() -> None:
    refunds = [
        a_refund(lines=(RefundLine(1, 1), RefundLine(2, 3))),
        a_refund(lines=(RefundLine(1, 2),), status=RefundStatus.SUCCEEDED),
        a_refund(lines=(RefundLine(3, 4),), status=RefundStatus.ATTENTION_REQUIRED),
        a_refund(lines=(RefundLine(1, 9), RefundLine(4, 1)), status=RefundStatus.FAILED),
        a_refund(),
    ]
    assert refunded_quantities(refunds) == {1: 3, 2: 3, 3: 4}


def test_what_comes_back_is_added_up_by_sku_in_a_fixed_order() -> None:
    lines = (Line("b", 5, 1), Line("a", 5, 1), Line("b", 5, 2))
    parts = (RefundLine(3, 2), RefundLine(1, 1), RefundLine(2, 4))
    assert list(quantities_to_restock(a_refund(lines=parts), lines).items()) == [("a", 4), ("b", 3)]


@pytest.mark.parametrize(
    ("parts", "amount", "tax"),
    [
        ((RefundLine(1, 1),), 450, 75),
        ((RefundLine(1, 2),), 900, 150),
        ((RefundLine(2, 1),), 1000, 0),
        ((RefundLine(1, 1), RefundLine(2, 1)), 1450, 75),
    ],
)
def test_lines_give_back_their_own_tax(parts: tuple[RefundLine, ...], amount: int, tax: int) -> None:
    assert tax_of_refund(sold(), a_refund(amount=amount, lines=parts), LINES) == tax


@pytest.mark.parametrize(
    ("amount", "tax"),
    [
        (1900, 150),
        (950, 75),
        (1, 0),
        (6, 0),  # 6 * 150 / 1900 = 0.47
        (7, 1),  # 0.55
        (19, 2),  # 1.5: half a unit is rounded up
        (18, 1),  # 1.42
    ],
)
def test_an_amount_gives_back_the_orders_share_of_tax(amount: int, tax: int) -> None:
    assert tax_of_refund(sold(), a_refund(amount=amount), LINES) == tax


def test_no_more_tax_goes_back_than_is_left() -> None:
    """Its tax went back by amounts already."""
    taxed = a_refund(amount=450, lines=(RefundLine(1, 1),))
    assert tax_of_refund(sold(refunded=1000, tax=100), taxed, LINES) == 50


def test_no_more_net_goes_back_than_is_left() -> None:
    """Only 50 of net is left beside 150 of tax: a line without tax gives tax back all the same."""
    untaxed = a_refund(amount=150, lines=(RefundLine(2, 1),))
    assert tax_of_refund(sold(refunded=1700, tax=0), untaxed, LINES) == 100


def test_the_last_refund_closes_tax_and_net() -> None:
    assert tax_of_refund(sold(refunded=1300, tax=17), a_refund(amount=600), LINES) == 133


def test_the_rest_after_an_amount_has_all_that_is_left_of_the_tax() -> None:
    """All lines come back, for less than they cost."""
    rest = a_refund(amount=1800, lines=(RefundLine(1, 2), RefundLine(2, 1)))
    assert tax_of_refund(sold(refunded=100, tax=8), rest, LINES) == 142


def test_a_rest_that_is_booked_before_what_it_is_the_rest_of_has_no_negative_net() -> None:
    """18.90 are on their way by amount: the rest names all lines, of more tax than its 10 pence."""
    rest = a_refund(amount=10, lines=(RefundLine(1, 2), RefundLine(2, 1)))
    assert tax_of_refund(sold(), rest, LINES) == 1
    assert tax_of_refund(sold(refunded=10, tax=1), a_refund(amount=1890), LINES) == 149
