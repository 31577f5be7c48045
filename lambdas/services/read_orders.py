"""Shows a client its own orders, and never another's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import ClientId, OrderId, looks_like_order_id

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderReader, Page


@dataclass(frozen=True, slots=True)
class ReadOrders:
    """The use cases of `GET /v1/orders` and `GET /v1/orders/{order_id}`."""

    orders: OrderReader

    def one(self, client: ClientId, order_id: str) -> Order | None:
        """Return the client's order with its lines; None also for an order of someone else."""
        if not looks_like_order_id(order_id):
            return None
        order = self.orders.get(OrderId(order_id))
        if order is None or order.client != client:
            return None
        return order if order.lines is not None else replace(order, lines=self.orders.lines_of(order))

    def page(self, client: ClientId, cursor: str | None, limit: int) -> Page:
        """Return a page of the client's orders, newest first; raises InvalidCursor."""
        return self.orders.page(client, cursor, limit)
