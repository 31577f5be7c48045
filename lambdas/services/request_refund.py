"""Accepts a refund: its amount is reserved on the order in the same transaction that writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.identifiers import refund_id_for
from lambdas.domain.order import Status
from lambdas.domain.refund import Refund, RefundStatus
from lambdas.domain.refund_request import parse_refund, plan_refund
from lambdas.domain.request_body import hash_request
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import refund_requested
from lambdas.services.own_order import AMENDMENT_TRIES, own_order
from lambdas.services.request_errors import IdempotencyKeyReused, NotRefundable

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, RefundId
    from lambdas.domain.order import Line, Order
    from lambdas.domain.order_store import OrderQueue, OrderReader, RefundAcceptor
    from lambdas.domain.refund_request import RefundWish


@dataclass(frozen=True, slots=True)
class RefundTaken:
    """The refund as its first answer shows it; `lines` are the order's."""

    refund: Refund
    lines: tuple[Line, ...]
    replayed: bool


@dataclass(frozen=True, slots=True)
class RequestRefund:
    """The use case of `POST /v1/orders/{order_id}/refunds`."""

    orders: OrderReader
    refunds: RefundAcceptor
    queue: OrderQueue
    now: Clock

    def __call__(self, client: ClientId, order_id: str, idempotency_key: str, body: object) -> RefundTaken:
        """Accept a refund under its key, once, within what was captured.

        Raises:
            InvalidBody, RequestConflict: nothing was written.
            StoreUnavailable, QueueUnavailable: the same request again will mend it.
        """
        wish, request_hash = parse_refund(body), hash_request(body)
        for _ in range(AMENDMENT_TRIES):
            order = own_order(self.orders, client, order_id)
            refund_id = refund_id_for(order.order_id, client, idempotency_key)
            existing = self.refunds.refund(order.order_id, refund_id)
            if existing:
                return self._replay(order, existing, request_hash)
            lines = self.orders.lines_of(order)
            refund = self._plan(order, lines, refund_id, wish, request_hash)
            if self.refunds.request(refund_requested(order, refund.requested_at, refund.amount), refund):
                self.queue.send_refund(order.order_id, refund_id, client)
                return RefundTaken(refund, lines, replayed=False)
        raise StoreUnavailable(f"{order_id} is changed by others at this moment")

    def _plan(
        self, order: Order, lines: tuple[Line, ...], refund_id: RefundId, wish: RefundWish, request_hash: str
    ) -> Refund:
        if order.status is not Status.COMPLETED:
            raise NotRefundable(f"the order is {order.status}, not completed")
        if order.total == 0:
            raise NotRefundable("nothing was paid for it")
        planned = plan_refund(wish, order, lines, self.refunds.refunds_of(order.order_id))
        at = to_text(self.now())
        return Refund(
            refund_id=refund_id,
            order_id=order.order_id,
            amount=planned.amount,
            currency=order.currency,
            reason_code=wish.reason_code,
            restock=wish.restock,
            request_hash=request_hash,
            requested_at=at,
            updated_at=at,
            lines=planned.lines,
        )

    def _replay(self, order: Order, existing: Refund, request_hash: str) -> RefundTaken:
        if existing.request_hash != request_hash:
            raise IdempotencyKeyReused(existing.refund_id)
        if existing.status is RefundStatus.REQUESTED:
            # The first try may have failed between the write and the send. A second message does no harm.
            self.queue.send_refund(order.order_id, existing.refund_id, order.client)
        return RefundTaken(existing.as_requested(), self.orders.lines_of(order), replayed=True)
