"""Accepts an order: read strictly, priced by the catalogue, written once, put on the queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import ClientId, OrderId, order_id_for
from lambdas.domain.order import Event, Order, Status, digest_lines, initial_payment_status
from lambdas.domain.pricing import price_submission
from lambdas.domain.request_body import InvalidBody, hash_request
from lambdas.domain.submission import parse_submission
from lambdas.domain.timestamps import Clock, to_text
from lambdas.services.request_errors import IdempotencyKeyReused

if TYPE_CHECKING:
    from lambdas.domain.catalogue import Catalogue
    from lambdas.domain.order_store import OrderAcceptor, OrderQueue
    from lambdas.domain.submission import Submission


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order as its first answer shows it; `replayed` when that answer was given before."""

    order: Order
    replayed: bool


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """The use case of `POST /v1/orders`."""

    catalogue: Catalogue
    orders: OrderAcceptor
    queue: OrderQueue
    now: Clock

    def __call__(
        self, client: ClientId, idempotency_key: str, body: object, *, may_choose_price: bool
    ) -> Accepted:
        """Accept an order under its key, once.

        Raises:
            InvalidBody: nothing was written and the key is not used up.
            IdempotencyKeyReused: the key belongs to another body.
            StoreUnavailable, QueueUnavailable: the same request again will mend it.
        """
        submission = parse_submission(body)
        order_id = order_id_for(client, idempotency_key)
        request_hash = hash_request(body)
        try:
            order = self._price(order_id, client, request_hash, submission, may_choose_price=may_choose_price)
        except InvalidBody:
            # Prices may have changed since this very request was accepted.
            existing = self.orders.get(order_id)
            if existing is None:
                raise
        else:
            existing = self.orders.create(order)
            if existing is None:
                self.queue.send_process(order_id, client)
                return Accepted(order, replayed=False)
        return self._replay(existing, request_hash)

    def _replay(self, existing: Order, request_hash: str) -> Accepted:
        if existing.request_hash != request_hash:
            raise IdempotencyKeyReused(existing.order_id)
        if existing.status is Status.ACCEPTED:
            # The first try may have failed between the write and the send. A second message does no harm.
            self.queue.send_process(existing.order_id, existing.client)
        lines = self.orders.lines_of(existing) if existing.lines is None else existing.lines
        return Accepted(replace(existing.as_accepted(), lines=lines), replayed=True)

    def _price(
        self,
        order_id: OrderId,
        client: ClientId,
        request_hash: str,
        submission: Submission,
        *,
        may_choose_price: bool,
    ) -> Order:
        products = self.catalogue.products({line.sku for line in submission.lines})
        priced = price_submission(submission, products, may_choose_price=may_choose_price)
        at = to_text(self.now())
        return Order(
            order_id=order_id,
            client=client,
            currency=submission.currency,
            total=priced.total,
            tax=priced.tax,
            request_hash=request_hash,
            lines_digest=digest_lines(priced.lines),
            accepted_at=at,
            updated_at=at,
            payment_method=submission.payment_method,
            reference=submission.reference,
            lines=priced.lines,
            payment_status=initial_payment_status(priced.total),
            timeline=(Event(at, "accepted"),),
        )
