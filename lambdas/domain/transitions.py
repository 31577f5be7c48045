"""How an order's head changes: pure functions from one state to the next.

Each one counts the revision up; a store writes the result only over the revision that it was made from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambdas.domain.order import (
    PAYMENT_CREATED,
    Cancellation,
    Event,
    FulfillmentStatus,
    Order,
    PaymentStatus,
    RefundSums,
    Status,
    extend_timeline,
)

if TYPE_CHECKING:
    from typing import Any


def _changed(order: Order, at: str, *events: Event, **changes: Any) -> Order:  # noqa: ANN401 - fields of Order
    timeline = extend_timeline(order.timeline, *events)
    return replace(order, revision=order.revision + 1, updated_at=at, timeline=timeline, **changes)


def payment_started(order: Order, at: str, intent_id: str) -> Order:
    """The payment exists at the provider, unconfirmed; its id is stored before any money is held."""
    return _changed(order, at, Event(at, PAYMENT_CREATED), payment_intent=intent_id)


def next_key_generation(order: Order, at: str) -> Order:
    """The provider replays a saved failure: later calls go out under new keys."""
    return _changed(order, at, key_generation=order.key_generation + 1)


def reserved(order: Order, at: str) -> Order:
    """The goods are held (and with them the money): from here on the shipment may have been booked.

    Money that is known to be taken already stays so.
    """
    paid = order.payment_status
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
        entries=1 if order.total else 0,
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


def cancelled(order: Order, at: str, *, payment: PaymentStatus) -> Order:
    """The order ends as its client wished, before anything was shipped or taken."""
    code = order.cancellation.reason_code if order.cancellation else None
    return _changed(
        order,
        at,
        Event(at, "cancelled"),
        status=Status.CANCELLED,
        payment_status=payment,
        reason=code,
        claim=None,
    )


def cancellation_requested(order: Order, at: str, cancellation: Cancellation) -> Order:
    """The client wants no more of it; the next step that could still turn back does."""
    return _changed(order, at, Event(at, "cancel_requested"), cancellation=cancellation)


def expiry_requested(order: Order, at: str) -> Order:
    """The authorisation is about to run out: the next step is to give it free and reject."""
    return _changed(order, at, Event(at, "authorization_expiring"), expiring=True)


def ending_for(order: Order, at: str, reason: str) -> Order:
    """The order is to be rejected for this reason: whoever tries again must not find another one."""
    return _changed(order, at, ending=reason)


def abandoned(order: Order, at: str) -> Order:
    """An operator gives the order up: the next step that could still turn back gives all free and rejects."""
    return _changed(order, at, Event(at, "abandoned"), abandoned=True)


def handed_back(order: Order, at: str) -> Order:
    """No message seemed to move the order, so that it was put on the queue again."""
    return _changed(order, at, handed_back=order.handed_back + 1)


def holding(order: Order, at: str, *, held: bool) -> Order:
    """An operator keeps the authorisation however old it gets, or lets it go again."""
    return _changed(order, at, Event(at, "held" if held else "hold_ended"), held=held)


def refund_requested(order: Order, at: str, amount: int) -> Order:
    """A refund is accepted: its amount is reserved before the provider hears of it."""
    sums = order.refunds
    sums = replace(sums, reserved=sums.reserved + amount, unfinished=sums.unfinished + 1)
    # What the watchdog had to do for the sale says nothing of how long the refund may take.
    return _changed(order, at, Event(at, "refund_requested"), refunds=sums, handed_back=0)


def refunded(order: Order, at: str, amount: int, tax: int, *, last_step: bool) -> Order:
    """The provider has refunded; with `last_step` nothing is left to do for the refund."""
    sums = replace(order.refunds, refunded=order.refunds.refunded + amount, tax=order.refunds.tax + tax)
    whole = sums.refunded == order.total
    return _changed(
        order,
        at,
        Event(at, "refunded"),
        entries=order.entries + 1,
        payment_status=PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED,
        **(_finished(sums) if last_step else {"refunds": sums}),
    )


def refund_failed(order: Order, at: str, amount: int) -> Order:
    """The provider will not refund: the amount is not reserved any more."""
    sums = replace(order.refunds, reserved=order.refunds.reserved - amount)
    return _changed(order, at, Event(at, "refund_failed"), **_finished(sums))


def restocked(order: Order, at: str) -> Order:
    """The refunded goods are back on hand: nothing is left to do for the refund."""
    return _changed(order, at, Event(at, "restocked"), **_finished(order.refunds))


def _finished(sums: RefundSums) -> dict[str, Any]:
    return {"refunds": replace(sums, unfinished=sums.unfinished - 1), "claim": None}
