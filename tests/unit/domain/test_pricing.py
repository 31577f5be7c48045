from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain.catalogue import Product
from lambdas.domain.order import Line
from lambdas.domain.pricing import price_submission
from lambdas.domain.request_body import InvalidBody
from lambdas.domain.submission import MAX_TOTAL, RequestedLine, Submission

if TYPE_CHECKING:
    from lambdas.domain.problems import Problem

PRODUCTS = {
    p.sku: p
    for p in (
        Product("TEA", "GBP", {"list": 333, "staff": 300}, tax_rate=2000),
        Product("MUG", "GBP", {"list": 1000}),
        Product("GIFT", "GBP", {"list": 0}),
        Product("PIN", "EUR", {"list": 100}),
    )
}


def a_submission(*lines: RequestedLine, total: int | None = None, card: str | None = "pm_x") -> Submission:
    """Lines in pounds."""
    return Submission("GBP", lines, card, total)


def problems_of(submission: Submission, *, may_choose_price: bool = True) -> list[Problem]:
    """Return what pricing finds wrong."""
    with pytest.raises(InvalidBody) as refused:
        price_submission(submission, PRODUCTS, may_choose_price=may_choose_price)
    return refused.value.problems


def test_lines_take_the_catalogues_price_and_tax() -> None:
    asked = a_submission(RequestedLine("TEA", 3), RequestedLine("TEA", 1, "staff"), RequestedLine("MUG", 2))
    priced = price_submission(asked, PRODUCTS, may_choose_price=True)
    assert priced.lines == (
        Line("TEA", 3, 333, 2000),
        Line("TEA", 1, 300, 2000, "staff"),
        Line("MUG", 2, 1000),
    )
    assert priced.total == 999 + 300 + 2000
    # 166.5 goes up, once per line and not once per piece.
    assert priced.tax == 167 + 50


def test_every_line_that_cannot_be_sold_is_named() -> None:
    asked = a_submission(
        RequestedLine("NOPE", 1), RequestedLine("PIN", 1), RequestedLine("MUG", 1, "staff"), total=1
    )
    assert [(p.pointer, p.code) for p in problems_of(asked)] == [
        ("/lines/0/sku", "unknown_sku"),
        ("/lines/1/sku", "currency_mismatch"),
        ("/lines/2/price_id", "unknown_price"),
    ]


def test_another_price_than_the_list_price_needs_its_scope() -> None:
    asked = a_submission(RequestedLine("TEA", 1, "list"), RequestedLine("TEA", 1, "staff"))
    (problem,) = problems_of(asked, may_choose_price=False)
    assert (problem.pointer, problem.code) == ("/lines/1/price_id", "scope_required")


def test_a_stated_total_that_differs_gets_both_numbers_back() -> None:
    (problem,) = problems_of(a_submission(RequestedLine("MUG", 2), total=1999))
    assert (problem.pointer, problem.code) == ("/total", "total_mismatch")
    assert problem.facts == {"stated": 1999, "computed": 2000}


def test_a_stated_total_that_is_right_is_accepted() -> None:
    assert price_submission(
        a_submission(RequestedLine("MUG", 2), total=2000), PRODUCTS, may_choose_price=False
    )


def test_a_total_beyond_the_providers_limit_is_refused() -> None:
    (problem,) = problems_of(a_submission(RequestedLine("MUG", MAX_TOTAL // 1000 + 1)))
    assert (problem.pointer, problem.code) == ("/lines", "total_too_large")


def test_a_total_needs_a_payment_method_and_none_needs_none() -> None:
    (problem,) = problems_of(a_submission(RequestedLine("MUG", 1), card=None))
    assert (problem.pointer, problem.code) == ("/payment_method", "required")
    free = a_submission(RequestedLine("GIFT", 1), card=None)
    assert price_submission(free, PRODUCTS, may_choose_price=False).total == 0
