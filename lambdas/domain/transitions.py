"""How an order's head changes: pure functions from one state to the next.

Each one counts the revision up; a store writes the result only over the revision that it was made from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambdas.domain.order import (
    Event,
    FulfillmentStatus,
    Order,
    PaymentStatus,
    Status,
    extend_timeline,
    initial_payment_status,
)

if TYPE_CHECKING:
    from typing import Any


def _changed(order: Order, at: str, *events: Event, **changes: Any) -> Order:  # noqa: ANN401 - fields of Order
    timeline = extend_timeline(order.timeline, *events)
    return replace(order, revision=order.revision + 1, updated_at=at, timeline=timeline, **changes)


def payment_started(order: Order, at: str, intent_id: str) -> Order:
    """The payment exists at the provider, unconfirmed; its id is stored before any money is held."""
    return _changed(order, at, Event(at, "payment_created"), payment_intent=intent_id)


def next_key_generation(order: Order, at: str) -> Order:
    """The provider replays a saved failure: later calls go out under new keys."""
    return _changed(order, at, key_generation=order.key_generation + 1)


def reserved(order: Order, at: str) -> Order:
    """The goods are held (and with them the money): from here on the shipment may have been booked."""
    paid = initial_payment_status(order.total)
    events = [Event(at, "reserved")]
    if paid is PaymentStatus.PENDING:
        paid = PaymentStatus.AUTHORIZED
        events.insert(0, Event(at, "authorized"))
    return _changed(order, at, *events, payment_status=paid, fulfillment_status=FulfillmentStatus.RESERVED)


def released(order: Order, at: str) -> Order:
    """The goods are given back."""
    return _changed(order, at, Event(at, "released"), fulfillment_status=FulfillmentStatus.RELEASED)


def completed(order: Order, at: str) -> Order:
    """The goods are shipped and the money is taken (where there is any to take)."""
    paid = PaymentStatus.CAPTURED if order.total else PaymentStatus.NOT_REQUIRED
    return _changed(
        order,
        at,
        Event(at, "shipped"),
        *([Event(at, "captured")] if order.total else []),
        Event(at, "completed"),
        status=Status.COMPLETED,
        payment_status=paid,
        fulfillment_status=FulfillmentStatus.SHIPPED,
        claim=None,
    )


def rejected(
    order: Order,
    at: str,
    reason: str,
    *,
    payment: PaymentStatus | None = None,
    fulfillment: FulfillmentStatus | None = None,
) -> Order:
    """The order ends without a sale; `reason` is a stable code."""
    return _changed(
        order,
        at,
        Event(at, "rejected"),
        status=Status.REJECTED,
        payment_status=payment or order.payment_status,
        fulfillment_status=fulfillment or order.fulfillment_status,
        reason=reason,
        claim=None,
    )


def needs_attention(order: Order, at: str, reason: str, *, payment: PaymentStatus | None = None) -> Order:
    """Only a person can decide how this order goes on; `reason` is a stable code."""
    return _changed(
        order,
        at,
        Event(at, "attention_required"),
        status=Status.ATTENTION_REQUIRED,
        payment_status=payment or order.payment_status,
        reason=reason,
        claim=None,
    )
