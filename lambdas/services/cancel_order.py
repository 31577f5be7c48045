"""Takes a client's wish to end an order; the workflow carries it out, if it is not too late by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.cancellation import parse_cancellation
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.identifiers import key_digest_for
from lambdas.domain.order import Cancellation, Status
from lambdas.domain.request_body import hash_request
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import cancellation_requested
from lambdas.services.own_order import AMENDMENT_TRIES, own_order
from lambdas.services.request_errors import AlreadyEnded, IdempotencyKeyReused, TooLateToCancel

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderAmender, OrderQueue


@dataclass(frozen=True, slots=True)
class CancellationTaken:
    """The order with its cancellation; `replayed` when this key's first answer is given again."""

    order: Order
    cancellation: Cancellation
    replayed: bool


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """The use case of `POST /v1/orders/{order_id}/cancel`.

    The wish is written on the head beside whoever processes the order: the next step that could still turn
    back finds it. From the warehouse's acceptance on it comes too late, and the order is completed.
    """

    orders: OrderAmender
    queue: OrderQueue
    now: Clock

    def __call__(
        self, client: ClientId, order_id: str, idempotency_key: str, body: object
    ) -> CancellationTaken:
        """Write the wish once and ask the workflow for it.

        Raises:
            InvalidBody, RequestConflict: nothing was written.
            StoreUnavailable, QueueUnavailable: the same request again will mend it.
        """
        wish = Cancellation(
            requested_at=to_text(self.now()),
            reason_code=parse_cancellation(body),
            key=key_digest_for("POST /v1/orders/{order_id}/cancel", idempotency_key),
            request_hash=hash_request(body),
        )
        for _ in range(AMENDMENT_TRIES):
            order = own_order(self.orders, client, order_id)
            if order.cancellation:
                return self._again(order, order.cancellation, wish)
            _refuse_if_over(order)
            changed = cancellation_requested(order, wish.requested_at, wish)
            if self.orders.amend(changed):
                self.queue.send_cancel(order.order_id, client)
                return CancellationTaken(changed, wish, replayed=False)
        raise StoreUnavailable(f"{order_id} is changed by others at this moment")

    def _again(self, order: Order, first: Cancellation, wish: Cancellation) -> CancellationTaken:
        replayed = first.key == wish.key
        if replayed and first.request_hash != wish.request_hash:
            raise IdempotencyKeyReused(order.order_id)
        if not replayed:
            _refuse_if_over(order)
        if not order.terminal:
            # The first try may have failed between the write and the send. A second message does no harm.
            self.queue.send_cancel(order.order_id, order.client)
        return CancellationTaken(order, first, replayed)


def _refuse_if_over(order: Order) -> None:
    """Refuse what comes after another end; one that was cancelled is as the client wants it."""
    if order.status is Status.COMPLETED:
        raise TooLateToCancel(order.order_id)
    if order.status is Status.REJECTED:
        raise AlreadyEnded(order.order_id)
