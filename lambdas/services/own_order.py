"""Finds a client's own order, and never another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import ClientId, OrderId, looks_like_order_id
from lambdas.services.request_errors import OrderUnknown

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderReader

# How often a request reads an order anew that others change at the same time.
AMENDMENT_TRIES: Final = 6


def own_order(orders: OrderReader, client: ClientId, order_id: str) -> Order:
    """Return the client's order; raises OrderUnknown also for an order of someone else."""
    order = orders.get(OrderId(order_id)) if looks_like_order_id(order_id) else None
    if order is None or order.client != client:
        raise OrderUnknown(order_id)
    return order
