"""The body of `POST /v1/orders/{order_id}/refunds`, and what it comes to for an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.problems import Problem, pointer_to
from lambdas.domain.refund import REASON_CODES, RefundLine, refunded_quantities
from lambdas.domain.request_body import (
    InvalidBody,
    flag,
    json_object,
    one_of,
    unknown_fields,
    whole_number,
)
from lambdas.domain.submission import MAX_LINES, MAX_QUANTITY, MAX_TOTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund

# The provider is asked for all of a payment's refunds before one more: a page of its list.
MAX_REFUNDS: Final = 100
_FIELDS: Final = frozenset({"reason_code", "amount", "lines", "restock"})
_LINE_FIELDS: Final = frozenset({"line", "quantity"})


@dataclass(frozen=True, slots=True)
class RefundWish:
    """What the client asks for: an amount in minor units, or lines, or (with neither) all that is left."""

    reason_code: str
    restock: bool
    amount: int | None = None
    lines: tuple[RefundLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedRefund:
    """What is to be refunded, in minor units, and the lines that it is for."""

    amount: int
    lines: tuple[RefundLine, ...]


def parse_refund(body: object) -> RefundWish:
    """Read the body; raises InvalidBody with all problems."""
    fields = json_object(body)
    problems: list[Problem] = unknown_fields(fields, _FIELDS)
    # Left out they mean all that is left: a client whose amount came out as null must not refund everything.
    problems += [
        Problem(pointer_to(name), "wrong_type", "must not be null")
        for name in ("amount", "lines")
        if name in fields and fields[name] is None
    ]
    wish = RefundWish(
        reason_code=one_of(fields, "reason_code", REASON_CODES, problems),
        restock=flag(fields, "restock", problems),
        amount=whole_number(fields, "amount", (1, MAX_TOTAL), problems, required=False),
        lines=_lines(fields, problems),
    )
    if fields.get("amount") is not None and fields.get("lines") is not None:
        problems.append(Problem("/amount", "amount_and_lines", "give one of the two"))
    elif fields.get("amount") is not None and wish.restock:
        problems.append(Problem("/restock", "restock_needs_lines", "an amount does not say what came back"))
    if problems:
        raise InvalidBody(problems)
    return wish


def plan_refund(
    wish: RefundWish, order: Order, lines: Sequence[Line], earlier: Sequence[Refund]
) -> PlannedRefund:
    """Work out what a wish comes to; raises InvalidBody when it is more than was bought or paid."""
    if len(earlier) >= MAX_REFUNDS:
        raise InvalidBody([Problem("", "too_many_refunds", f"an order has at most {MAX_REFUNDS} refunds")])
    left = _quantities_left(lines, earlier)
    if wish.amount is not None:
        planned, pointer = PlannedRefund(wish.amount, ()), "/amount"
    elif wish.lines:
        _check_quantities(wish.lines, left)
        planned, pointer = PlannedRefund(_amount_of(wish.lines, lines), wish.lines), "/lines"
    else:
        rest = tuple(RefundLine(line, quantity) for line, quantity in left.items() if quantity)
        planned, pointer = PlannedRefund(order.refundable, rest), ""
    if planned.amount > order.refundable:
        detail = "more than what is left of the captured amount"
        facts = {"refundable": order.refundable}
        raise InvalidBody([Problem(pointer, "exceeds_refundable", detail, facts)])
    if planned.amount == 0:
        raise InvalidBody([Problem(pointer, "nothing_to_refund", "nothing was paid for this, or it is back")])
    return planned


def _lines(fields: dict[str, Any], problems: list[Problem]) -> tuple[RefundLine, ...]:
    value = fields.get("lines")
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(Problem("/lines", "wrong_type", "must be an array"))
    elif not 1 <= len(value) <= MAX_LINES:
        problems.append(Problem("/lines", "out_of_range", f"must have 1 to {MAX_LINES} lines"))
    else:
        found = tuple(_line(entry, index, problems) for index, entry in enumerate(value))
        numbers = [part.line for part in found if part.line]
        if len(set(numbers)) != len(numbers):
            problems.append(Problem("/lines", "line_repeated", "name each line of the order once"))
        return found
    return ()


def _line(entry: object, index: int, problems: list[Problem]) -> RefundLine:
    at = ("lines", index)
    if not isinstance(entry, dict):
        problems.append(Problem(pointer_to(*at), "wrong_type", "a line must be an object"))
        return RefundLine(0, 0)
    problems.extend(unknown_fields(entry, _LINE_FIELDS, *at))
    line = whole_number(entry, "line", (1, MAX_LINES), problems, *at)
    quantity = whole_number(entry, "quantity", (1, MAX_QUANTITY), problems, *at)
    return RefundLine(line or 0, quantity or 0)


def _quantities_left(lines: Sequence[Line], earlier: Sequence[Refund]) -> dict[int, int]:
    gone = refunded_quantities(earlier)
    return {number: line.quantity - gone.get(number, 0) for number, line in enumerate(lines, 1)}


def _check_quantities(parts: Sequence[RefundLine], left: dict[int, int]) -> None:
    problems = []
    for index, part in enumerate(parts):
        if part.line not in left:
            problems.append(
                Problem(pointer_to("lines", index, "line"), "unknown_line", "the order has no such line")
            )
        elif part.quantity > left[part.line]:
            at = pointer_to("lines", index, "quantity")
            facts = {"refundable": left[part.line]}
            problems.append(Problem(at, "exceeds_refundable", "more than what is left of the line", facts))
    if problems:
        raise InvalidBody(problems)


def _amount_of(parts: Sequence[RefundLine], lines: Sequence[Line]) -> int:
    return sum(lines[part.line - 1].unit_price * part.quantity for part in parts)
