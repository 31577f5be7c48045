"""Shows a client its own orders and refunds, and never another's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import RefundId, looks_like_refund_id
from lambdas.services.own_order import own_order
from lambdas.services.request_errors import OrderUnknown

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId
    from lambdas.domain.order import Line, Order
    from lambdas.domain.order_store import OrderReader, Page, RefundReader
    from lambdas.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class ReadOrders:
    """The use cases of the API's `GET` routes."""

    orders: OrderReader
    refunds: RefundReader

    def one(self, client: ClientId, order_id: str) -> Order:
        """Return the client's order with its lines; raises OrderUnknown also for an order of someone else."""
        order = own_order(self.orders, client, order_id)
        return order if order.lines is not None else replace(order, lines=self.orders.lines_of(order))

    def page(self, client: ClientId, cursor: str | None, limit: int) -> Page:
        """Return a page of the client's orders, newest first; raises InvalidCursor."""
        return self.orders.page(client, cursor, limit)

    def refunds_of(self, client: ClientId, order_id: str) -> tuple[tuple[Refund, ...], tuple[Line, ...]]:
        """Return an order's refunds, oldest first, and its lines."""
        order = own_order(self.orders, client, order_id)
        return self.refunds.refunds_of(order.order_id), self.orders.lines_of(order)

    def refund(self, client: ClientId, order_id: str, refund_id: str) -> tuple[Refund, tuple[Line, ...]]:
        """Return one refund and its order's lines; raises OrderUnknown."""
        order = own_order(self.orders, client, order_id)
        known = looks_like_refund_id(refund_id)
        refund = self.refunds.refund(order.order_id, RefundId(refund_id)) if known else None
        if refund is None:
            raise OrderUnknown(refund_id)
        return refund, self.orders.lines_of(order)
