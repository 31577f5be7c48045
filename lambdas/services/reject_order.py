"""Ends an order that is not to be fulfilled: its money is given free, then it is rejected or cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.errors import PaymentOutcomeUnknown, StoreUnavailable
from lambdas.domain.order import CANCELLED_BY_CLIENT, FulfillmentStatus, PaymentStatus
from lambdas.domain.payment import IntentState
from lambdas.domain.reasons import AUTHORIZATION_EXPIRED, OUT_OF_STOCK
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import cancelled, ending_for, needs_attention, rejected
from lambdas.services.claimed_order import load_claimed
from lambdas.services.key_generations import renewing_stale_keys
from lambdas.services.step_result import StepResult, ended

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore
    from lambdas.domain.payment import PaymentProvider


@dataclass(frozen=True, slots=True)
class RejectOrder:
    """Voids and rejects for a business reason (never for a technical failure)."""

    orders: OrderStore
    payments: PaymentProvider
    now: Clock

    def __call__(self, order_id: OrderId, claim: str, reason: str) -> StepResult:
        """Void what was authorised and reject with the reason's code, or cancel as the client wished."""
        order = load_claimed(self.orders, order_id, claim)
        if order.terminal:
            return ended(order)
        if order.fulfillment_status is FulfillmentStatus.RESERVED:
            # A late duplicate of the step before this one reserved after all: go on from where it stands.
            raise StoreUnavailable(f"{order_id} holds stock and is to be rejected")
        payment = order.payment_status
        if payment is PaymentStatus.PENDING:
            payment = PaymentStatus.VOIDED  # nothing was ever held
        if reason == AUTHORIZATION_EXPIRED:
            payment = PaymentStatus.EXPIRED  # found cancelled at the provider: there is nothing to void
        elif order.payment_intent:
            intent_id = order.payment_intent
            order = self._with_reason(order, claim, reason)
            payment = self._void(order, intent_id, claim)
        at = to_text(self.now())
        if payment is PaymentStatus.CAPTURED:
            order = needs_attention(order, at, "captured_before_shipment", payment=payment)
        elif reason == CANCELLED_BY_CLIENT:
            order = cancelled(order, at, payment=payment)
        else:
            fulfillment = FulfillmentStatus.OUT_OF_STOCK if reason == OUT_OF_STOCK else None
            order = rejected(order, at, reason, payment=payment, fulfillment=fulfillment)
        self.orders.save(order, claim)
        return ended(order)

    def _with_reason(self, order: Order, claim: str, reason: str) -> Order:
        """Store why before the money is given free: a replay finds it gone, and could not tell why."""
        if order.ending or reason == order.stop_reason:
            return order
        order = ending_for(order, to_text(self.now()), reason)
        self.orders.save(order, claim)
        return order

    def _void(self, order: Order, intent_id: str, claim: str) -> PaymentStatus:
        with renewing_stale_keys(self.orders, order, claim, self.now):
            intent = self.payments.void(order.order_id, intent_id, order.key_generation)
        match intent.state:
            case IntentState.CANCELED:
                return PaymentStatus.VOIDED
            case IntentState.CAPTURED:
                return PaymentStatus.CAPTURED
            case _:
                raise PaymentOutcomeUnknown(f"{intent_id} is {intent.state}")
