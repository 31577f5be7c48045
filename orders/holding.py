"""Keeps an order's authorisation however old it gets, or lets it go again: an operator's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import OrderId, looks_like_order_id
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import holding

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderAmender

_TRIES: Final = 6


class HoldRefused(Exception):
    """Nothing was changed; the message is one line that says why."""


def hold_order(orders: OrderAmender, order_id: str, now: Clock, *, held: bool) -> Order:
    """Hold the order, or end its hold, beside whoever works on it; return the order after it.

    Raises:
        HoldRefused: there is no such order, it has ended or is about to, or others change it all the time.
        StoreUnavailable: DynamoDB does not answer.
    """
    for _ in range(_TRIES):
        order = orders.get(OrderId(order_id)) if looks_like_order_id(order_id) else None
        if order is None:
            raise HoldRefused(f"there is no order {order_id}")
        if order.terminal:
            raise HoldRefused(f"{order_id} has ended ({order.status}): nothing is authorised any more")
        if order.stop_reason:
            why = "its client cancelled it" if order.cancellation else order.stop_reason
            raise HoldRefused(f"{order_id} is being ended ({why}): it is too late to change that")
        if order.held == held:
            return order
        changed = holding(order, to_text(now()), held=held)
        if orders.amend(changed):
            return changed
    raise HoldRefused(f"{order_id} is changed by others at this moment: try again")
