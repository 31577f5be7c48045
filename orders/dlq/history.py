"""Reads the history: of one order, failure or plan, or of a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import (
    OrderId,
    PlanId,
    RefundId,
    failure_id_for,
    looks_like_order_id,
    looks_like_refund_id,
)
from lambdas.domain.operation import OperationKind, in_time
from lambdas.domain.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lambdas.domain.operation import Operation
    from orders.dlq.desk import Desk


def history_of(desk: Desk, subject: str) -> list[Operation]:
    """Return what was done about an order, its refunds and failures, a failure, or a plan; oldest first."""
    if subject.startswith("plan_"):
        return in_time(_of_plan(desk, PlanId(subject)))
    found = list(desk.history.of(subject))
    if looks_like_order_id(subject):
        order_id = OrderId(subject)
        found += desk.history.of(failure_id_for(order_id))
        for refund in desk.refunds.refunds_of(order_id):
            found += desk.history.of(failure_id_for(refund.refund_id))
    elif looks_like_refund_id(subject):
        found += desk.history.of(failure_id_for(RefundId(subject)))
    return in_time(found)


def history_since(desk: Desk, since: datetime) -> list[Operation]:
    """Return what was done from a time on, by whomever; oldest first."""
    text = to_text(since)
    found = (o for day in _days(since, desk.now()) for o in desk.history.of_day(day))
    return in_time(o for o in found if o.at >= text)


def _of_plan(desk: Desk, plan_id: PlanId) -> Iterator[Operation]:
    """Its applies, and on their days (and the day after each) what they replayed."""
    applies = desk.history.of(plan_id)
    yield from applies
    days = {
        day
        for apply in applies
        if apply.kind is OperationKind.APPLY
        for day in _days(from_text(apply.began_at), min(desk.now(), from_text(apply.at) + timedelta(days=1)))
    }
    for day in sorted(days):
        yield from (o for o in desk.history.of_day(day) if o.plan_id == plan_id and o.subject != plan_id)


def _days(first: datetime, last: datetime) -> Iterator[str]:
    day = first
    while day.date() <= last.date():
        yield day.strftime("%Y-%m-%d")
        day += timedelta(days=1)
