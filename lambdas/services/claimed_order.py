"""Loads the order that a step works on, and makes sure that the step's execution still holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.domain.errors import ClaimLost, OrderNotFound

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore


def load_claimed(orders: OrderStore, order_id: OrderId, claim: str) -> Order:
    """Return the order under this claim, or as it ended; raises ClaimLost or OrderNotFound."""
    order = orders.get(order_id)
    if order is None:
        raise OrderNotFound(order_id)
    if order.claim != claim and not order.terminal:
        raise ClaimLost(f"{order_id} is no longer claimed by {claim}")
    return order
