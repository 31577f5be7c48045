from __future__ import annotations

from typing import Any

import pytest

from lambdas.domain.order import Line, Order, RefundSums, Status, digest_lines
from lambdas.domain.problems import Problem
from lambdas.domain.refund import REASON_CODES, Refund, RefundLine, RefundStatus
from lambdas.domain.refund_request import MAX_REFUNDS, PlannedRefund, RefundWish, parse_refund, plan_refund
from lambdas.domain.request_body import InvalidBody
from lambdas.domain.submission import MAX_LINES, MAX_QUANTITY, MAX_TOTAL
from tests.fakes.orders_made import an_order
from tests.fakes.refunds_made import a_refund

LINES = (Line("TEA", 3, 450, 2000), Line("MUG", 2, 1000), Line("GIFT", 1, 0))


def a_wish(**changes: Any) -> dict[str, Any]:
    """A valid body with some fields changed."""
    return {"reason_code": "returned", **changes}


def a_part(**changes: Any) -> dict[str, Any]:
    """A body with one line, some fields of which are changed."""
    return a_wish(lines=[{"line": 1, "quantity": 1, **changes}])


def found_in(body: object) -> list[tuple[str, str]]:
    """Return pointer and code of every problem of a body that must be refused."""
    with pytest.raises(InvalidBody) as refused:
        parse_refund(body)
    return [(p.pointer, p.code) for p in refused.value.problems]


def sold(reserved: int = 0) -> Order:
    """A completed order of 33.50 of which so much is refunded or about to be."""
    total = sum(line.total for line in LINES)
    return an_order(
        status=Status.COMPLETED,
        lines=LINES,
        lines_digest=digest_lines(LINES),
        total=total,
        tax=225,
        entries=1,
        refunds=RefundSums(reserved=reserved),
    )


def plan(wish: dict[str, Any], *earlier: Refund) -> PlannedRefund:
    """Plan a refund after the earlier ones."""
    reserved = sum(r.amount for r in earlier if r.status is not RefundStatus.FAILED)
    return plan_refund(parse_refund(a_wish(**wish)), sold(reserved), LINES, earlier)


def refused(wish: dict[str, Any], *earlier: Refund) -> list[tuple[str, str, dict[str, int | str]]]:
    """Return pointer, code and facts of every problem of a plan that must be refused."""
    with pytest.raises(InvalidBody) as wrong:
        plan(wish, *earlier)
    return [(p.pointer, p.code, dict(p.facts)) for p in wrong.value.problems]


def test_a_refund_by_amount_by_lines_and_of_all_is_read_as_it_is() -> None:
    assert parse_refund(a_wish(amount=1)) == RefundWish("returned", restock=False, amount=1)
    assert parse_refund(a_wish()) == RefundWish("returned", restock=False)
    body = a_wish(lines=[{"line": 2, "quantity": 3}, {"line": 1, "quantity": 1}], restock=True)
    lines = (RefundLine(2, 3), RefundLine(1, 1))
    assert parse_refund(body) == RefundWish("returned", restock=True, lines=lines)


def test_all_that_is_left_may_be_restocked() -> None:
    assert parse_refund(a_wish(restock=True)) == RefundWish("returned", restock=True)


def test_a_restock_of_null_is_none() -> None:
    assert parse_refund(a_wish(restock=None)) == RefundWish("returned", restock=False)


def test_an_amount_or_lines_of_null_refund_nothing_and_least_of_all_everything() -> None:
    assert found_in(a_wish(amount=None)) == [("/amount", "wrong_type")]
    assert found_in(a_wish(lines=None, amount=7)) == [("/lines", "wrong_type")]


@pytest.mark.parametrize("code", REASON_CODES)
def test_every_reason_is_taken(code: str) -> None:
    assert parse_refund({"reason_code": code}).reason_code == code


@pytest.mark.parametrize("body", [None, [], "x", 1, 1.5, True])
def test_a_body_that_is_no_object_is_refused_as_a_whole(body: object) -> None:
    assert found_in(body) == [("", "wrong_type")]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/reason_code", "required"),
        (a_wish(reason_code=None), "/reason_code", "required"),
        (a_wish(reason_code=7), "/reason_code", "wrong_type"),
        (a_wish(reason_code=["returned"]), "/reason_code", "wrong_type"),
        (a_wish(reason_code="Returned"), "/reason_code", "unknown_code"),
        (a_wish(reason_code="mistake"), "/reason_code", "unknown_code"),
        (a_wish(reason_code=""), "/reason_code", "unknown_code"),
        (a_wish(reason="returned"), "/reason", "unknown_field"),
        (a_wish(**{"a/b~c": 1}), "/a~1b~0c", "unknown_field"),
        (a_wish(restock="yes"), "/restock", "wrong_type"),
        (a_wish(restock=1), "/restock", "wrong_type"),
        (a_wish(amount="9.99"), "/amount", "wrong_type"),
        (a_wish(amount=9.99), "/amount", "wrong_type"),
        (a_wish(amount=10.0), "/amount", "wrong_type"),
        (a_wish(amount=True), "/amount", "wrong_type"),
        (a_wish(amount=0), "/amount", "out_of_range"),
        (a_wish(amount=-1), "/amount", "out_of_range"),
        (a_wish(amount=MAX_TOTAL + 1), "/amount", "out_of_range"),
        (a_wish(amount=10**400), "/amount", "out_of_range"),
        (a_wish(amount=5, lines=[{"line": 1, "quantity": 1}]), "/amount", "amount_and_lines"),
        (a_wish(amount=5, restock=True), "/restock", "restock_needs_lines"),
        (a_wish(lines={}), "/lines", "wrong_type"),
        (a_wish(lines="1x2"), "/lines", "wrong_type"),
        (a_wish(lines=[]), "/lines", "out_of_range"),
        (a_wish(lines=[7] * (MAX_LINES + 1)), "/lines", "out_of_range"),
        (a_wish(lines=["1x2"]), "/lines/0", "wrong_type"),
        (a_wish(lines=[None]), "/lines/0", "wrong_type"),
        (a_part(line=None), "/lines/0/line", "required"),
        (a_part(line="1"), "/lines/0/line", "wrong_type"),
        (a_part(line=True), "/lines/0/line", "wrong_type"),
        (a_part(line=0), "/lines/0/line", "out_of_range"),
        (a_part(line=MAX_LINES + 1), "/lines/0/line", "out_of_range"),
        (a_part(quantity=None), "/lines/0/quantity", "required"),
        (a_part(quantity=1.0), "/lines/0/quantity", "wrong_type"),
        (a_part(quantity=0), "/lines/0/quantity", "out_of_range"),
        (a_part(quantity=MAX_QUANTITY + 1), "/lines/0/quantity", "out_of_range"),
        (a_part(sku="TEA"), "/lines/0/sku", "unknown_field"),
        (a_wish(lines=[{"line": 1, "quantity": 1}] * 2), "/lines", "line_repeated"),
        (
            a_wish(lines=[{"line": n, "quantity": 1} for n in (1, 2, 1)]),
            "/lines",
            "line_repeated",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_pointer_and_code(
    body: object, pointer: str, code: str
) -> None:
    assert found_in(body) == [(pointer, code)]


def test_all_problems_are_told_at_once() -> None:
    body = {
        "surprise": 1,
        "reason_code": "because",
        "restock": "no",
        "amount": 0,
        "lines": [{"line": 0, "colour": "red"}, 7, {"line": 2, "quantity": 1}, {"line": 2, "quantity": -1}],
    }
    assert found_in(body) == [
        ("/surprise", "unknown_field"),
        ("/reason_code", "unknown_code"),
        ("/restock", "wrong_type"),
        ("/amount", "out_of_range"),
        ("/lines/0/colour", "unknown_field"),
        ("/lines/0/line", "out_of_range"),
        ("/lines/0/quantity", "required"),
        ("/lines/1", "wrong_type"),
        ("/lines/3/quantity", "out_of_range"),
        ("/lines", "line_repeated"),
        ("/amount", "amount_and_lines"),
    ]


def test_lines_that_cannot_be_read_are_not_called_repeated() -> None:
    assert found_in(a_wish(lines=[7, 7])) == [("/lines/0", "wrong_type"), ("/lines/1", "wrong_type")]


def test_a_plan_by_amount_names_no_lines() -> None:
    assert plan({"amount": 3350}) == PlannedRefund(3350, ())


def test_a_plan_by_lines_comes_to_their_prices() -> None:
    wish = {"lines": [{"line": 2, "quantity": 1}, {"line": 1, "quantity": 3}]}
    assert plan(wish) == PlannedRefund(1000 + 3 * 450, (RefundLine(2, 1), RefundLine(1, 3)))


def test_without_either_a_plan_is_all_of_it() -> None:
    assert plan({}) == PlannedRefund(3350, (RefundLine(1, 3), RefundLine(2, 2), RefundLine(3, 1)))


def test_what_is_left_after_lines_and_amounts_is_the_rest_of_both() -> None:
    by_lines = a_refund(amount=900, lines=(RefundLine(1, 2),), status=RefundStatus.SUCCEEDED)
    by_amount = a_refund(amount=450, status=RefundStatus.REQUESTED)
    gone = a_refund(amount=2000, lines=(RefundLine(2, 2),), status=RefundStatus.FAILED)
    rest = (RefundLine(1, 1), RefundLine(2, 2), RefundLine(3, 1))
    assert plan({}, by_lines, by_amount, gone) == PlannedRefund(2000, rest)


def test_a_line_that_is_all_back_is_no_part_of_the_rest() -> None:
    done = a_refund(amount=2000, lines=(RefundLine(2, 2),), status=RefundStatus.ATTENTION_REQUIRED)
    assert plan({}, done) == PlannedRefund(1350, (RefundLine(1, 3), RefundLine(3, 1)))


@pytest.mark.parametrize("status", [s for s in RefundStatus if s is not RefundStatus.FAILED])
def test_a_line_is_refunded_no_more_often_than_it_was_bought(status: RefundStatus) -> None:
    earlier = a_refund(amount=900, lines=(RefundLine(1, 2),), status=status)
    two = {"lines": [{"line": 1, "quantity": 2}]}
    assert refused(two, earlier) == [("/lines/0/quantity", "exceeds_refundable", {"refundable": 1})]
    assert plan({"lines": [{"line": 1, "quantity": 1}]}, earlier).amount == 450


def test_a_refund_that_failed_takes_nothing_away() -> None:
    failed = a_refund(amount=1350, lines=(RefundLine(1, 3),), status=RefundStatus.FAILED)
    assert plan({"lines": [{"line": 1, "quantity": 3}]}, failed).amount == 1350


def test_every_line_that_is_wrong_is_told() -> None:
    wish = {"lines": [{"line": line, "quantity": quantity} for line, quantity in ((4, 1), (1, 3), (2, 3))]}
    assert refused(wish) == [
        ("/lines/0/line", "unknown_line", {}),
        ("/lines/2/quantity", "exceeds_refundable", {"refundable": 2}),
    ]


def test_no_more_is_refunded_than_is_left() -> None:
    earlier = a_refund(amount=3000)
    assert refused({"amount": 351}, earlier) == [("/amount", "exceeds_refundable", {"refundable": 350})]
    assert plan({"amount": 350}, earlier).amount == 350


def test_lines_whose_money_went_back_by_amount_are_refused_as_a_whole() -> None:
    wish = {"lines": [{"line": 1, "quantity": 1}]}
    assert refused(wish, a_refund(amount=3000)) == [("/lines", "exceeds_refundable", {"refundable": 350})]


def test_when_all_is_back_there_is_nothing_to_refund() -> None:
    assert refused({}, a_refund(amount=3350)) == [("", "nothing_to_refund", {})]


def test_a_line_that_cost_nothing_gives_nothing_back() -> None:
    assert refused({"lines": [{"line": 3, "quantity": 1}]}) == [("/lines", "nothing_to_refund", {})]


def test_a_line_that_cost_nothing_may_come_back_with_others() -> None:
    wish = {"lines": [{"line": 3, "quantity": 1}, {"line": 2, "quantity": 1}], "restock": True}
    assert plan(wish) == PlannedRefund(1000, (RefundLine(3, 1), RefundLine(2, 1)))


def test_the_facts_of_a_problem_are_part_of_it() -> None:
    with pytest.raises(InvalidBody) as wrong:
        plan({"amount": 9999})
    (problem,) = wrong.value.problems
    assert problem == Problem("/amount", "exceeds_refundable", problem.detail, {"refundable": 3350})


def test_an_order_has_only_so_many_refunds() -> None:
    earlier = tuple(a_refund(key=f"k-{n}", amount=1) for n in range(MAX_REFUNDS))
    with pytest.raises(InvalidBody) as refused:
        plan_refund(RefundWish("goodwill", restock=False, amount=1), sold(), LINES, earlier)
    assert [p.code for p in refused.value.problems] == ["too_many_refunds"]
    plan_refund(RefundWish("goodwill", restock=False, amount=1), sold(), LINES, earlier[1:])
