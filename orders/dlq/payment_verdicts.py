"""What the payment at the provider says against a replay, by Stripe's own states.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lambdas.domain.order import FulfillmentStatus, PaymentStatus
from lambdas.domain.reasons import AUTHORIZATION_EXPIRED, PAYMENT_DECLINED
from orders.trace.model import NotRead

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund
    from orders.trace.model import Payment

AUTHORISED: Final = "requires_capture"
CAPTURED: Final = "succeeded"
CANCELED: Final = "canceled"
UNCONFIRMED: Final = "requires_confirmation"
DECLINED: Final = frozenset({"requires_payment_method", "requires_action"})
REFUND_FAILED: Final = frozenset({"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a replay is not safe; `would_end` when it would end the order without a sale, in good order."""

    reason: str
    would_end: bool = False


_MISSING: Final = Trouble("payment_not_at_provider")
_NOT_READ: Final = Trouble("provider_not_read")


def judge_payment(order: Order, payment: Payment | NotRead | None) -> Trouble | None:
    """Hold an order that has not ended against its payment; None when they fit."""
    if order.payment_intent is None:
        return None
    if payment is None or isinstance(payment, NotRead):
        return _MISSING if payment is None else _NOT_READ
    if payment.amount != order.total:
        return Trouble("payment_of_another_amount")
    if payment.disputed:
        return Trouble("payment_disputed")
    if order.fulfillment_status is FulfillmentStatus.RESERVED:
        return _after_reservation(order, payment)
    return _before_reservation(order, payment)


def judge_refund_at_provider(refund: Refund, payment: Payment | NotRead | None) -> Trouble | None:
    """Hold a refund that is not finished against those that the provider has; None when they fit."""
    if payment is None or isinstance(payment, NotRead):
        return _MISSING if payment is None else _NOT_READ
    if payment.disputed:
        return Trouble("payment_disputed")  # the dispute may give the money back too
    if payment.status != CAPTURED:
        return Trouble(f"payment_{payment.status}")
    return _against_its_refunds(refund, payment)


def _against_its_refunds(refund: Refund, payment: Payment) -> Trouble | None:
    ours = [found for found in payment.refunds if found.refund_id == refund.refund_id]
    if not ours:
        left = payment.captured - payment.refunded
        return Trouble("refund_above_what_is_left", would_end=True) if refund.amount > left else None
    if any(found.amount != refund.amount for found in ours):
        return Trouble("refund_of_another_amount_at_provider")
    newest = ours[-1]
    return Trouble("refund_failed_at_provider", would_end=True) if newest.status in REFUND_FAILED else None


def _after_reservation(order: Order, payment: Payment) -> Trouble | None:
    """The goods are held and perhaps shipped: only money that is held or taken fits."""
    if order.payment_status is PaymentStatus.CAPTURED and payment.status != CAPTURED:
        return Trouble("captured_but_not_at_provider")
    if payment.status == CAPTURED and payment.captured != order.total:
        return Trouble("captured_in_part")
    return (
        None if payment.status in {AUTHORISED, CAPTURED} else Trouble(f"{payment.status}_after_reservation")
    )


def _before_reservation(order: Order, payment: Payment) -> Trouble | None:
    released = order.fulfillment_status is FulfillmentStatus.RELEASED
    if payment.status == CAPTURED:
        return Trouble("captured_after_release" if released else "captured_by_hand")
    if released or payment.status in {AUTHORISED, UNCONFIRMED}:
        return None
    if payment.status == CANCELED:
        return Trouble(AUTHORIZATION_EXPIRED, would_end=True)
    if payment.status in DECLINED:
        return Trouble(f"{PAYMENT_DECLINED}{payment.decline_code or 'unknown'}", would_end=True)
    return Trouble(f"payment_{payment.status}")
