"""Loads the order that a step works on, and makes sure that the step's execution still holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.domain.errors import ClaimLost, OrderNotFound

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore, RefundReader
    from lambdas.domain.refund import Refund


def load_claimed(orders: OrderStore, order_id: OrderId, claim: str) -> Order:
    """Return the order under this claim, or as it ended; raises ClaimLost or OrderNotFound."""
    order = orders.get(order_id)
    if order is None:
        raise OrderNotFound(order_id)
    if order.claim != claim and not order.terminal:
        raise ClaimLost(f"{order_id} is no longer claimed by {claim}")
    return order


def load_refund(
    orders: OrderStore, refunds: RefundReader, order_id: OrderId, refund_id: RefundId
) -> tuple[Order, Refund]:
    """Return an order with one of its refunds; raises OrderNotFound.

    The order is read first: whatever the refund becomes between the two reads counts the head's revision up,
    and what is written over the older head fails. Of a finished refund the order is read again, because the
    event that tells of it has to show the order after it.
    """
    order, refund = orders.get(order_id), refunds.refund(order_id, refund_id)
    if refund and refund.finished:
        order = orders.get(order_id)
    if order is None or refund is None:
        raise OrderNotFound(f"{order_id} has no {refund_id}")
    return order, refund


def load_claimed_refund(
    orders: OrderStore, refunds: RefundReader, order_id: OrderId, refund_id: RefundId, claim: str
) -> tuple[Order, Refund]:
    """Return the order under this claim with its refund, or both as the refund was finished.

    Raises ClaimLost or OrderNotFound.
    """
    order, refund = load_refund(orders, refunds, order_id, refund_id)
    if order.claim != claim and not refund.finished:
        raise ClaimLost(f"{order_id} is no longer claimed by {claim}")
    return order, refund
