"""Takes the authorised money after the shipment; books it in one transaction with the completion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt, PaymentOutcomeUnknown
from lambdas.domain.ledger import capture_entry
from lambdas.domain.order import FulfillmentStatus, PaymentStatus
from lambdas.domain.payment import Intent, IntentState
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import completed, needs_attention
from lambdas.services.claimed_order import load_claimed
from lambdas.services.key_generations import renewing_stale_keys
from lambdas.services.step_result import Outcome, StepResult, ended

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import Journal, OrderStore
    from lambdas.domain.payment import PaymentProvider


@dataclass(frozen=True, slots=True)
class CapturePayment:
    """The last step before the outcome is published."""

    orders: OrderStore
    journal: Journal
    payments: PaymentProvider
    now: Clock

    def __call__(self, order_id: OrderId, claim: str) -> StepResult:
        """Capture and complete; raises PaymentOutcomeUnknown, ProviderUnavailable, ClaimLost, ..."""
        order = load_claimed(self.orders, order_id, claim)
        if order.terminal:
            return ended(order, Outcome.COMPLETED)
        if order.fulfillment_status is not FulfillmentStatus.RESERVED:
            raise OrderCorrupt(f"{order_id} is to be captured while {order.fulfillment_status}")
        if order.total == 0:
            order = completed(order, to_text(self.now()))
            self.orders.save(order, claim)
            return ended(order)
        return self._capture(order, claim)

    def _capture(self, order: Order, claim: str) -> StepResult:
        if order.payment_intent is None:
            raise OrderCorrupt(f"{order.order_id} has nothing to capture")
        with renewing_stale_keys(self.orders, order, claim, self.now):
            intent = self.payments.capture(
                order.order_id, order.payment_intent, order.amount, order.key_generation
            )
        return self._conclude(order, intent, claim)

    def _conclude(self, order: Order, intent: Intent, claim: str) -> StepResult:
        at = to_text(self.now())
        if intent.state is IntentState.CANCELED:
            # The goods are on their way and the money is gone: nothing automatic is right here.
            order = needs_attention(order, at, "canceled_after_shipment", payment=PaymentStatus.EXPIRED)
            self.orders.save(order, claim)
            return ended(order)
        if intent.state is not IntentState.CAPTURED:
            raise PaymentOutcomeUnknown(f"{intent.intent_id} is {intent.state}")
        if intent.captured != order.total:
            raise OrderCorrupt(f"{intent.intent_id}: {intent.captured} captured of {order.total}")
        done = completed(order, at)
        self.journal.book(done, capture_entry(order, at, intent.intent_id), claim)
        return ended(done)
