"""Authorises the payment: intent first, so that one whose outcome is unknown can be found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt, PaymentOutcomeUnknown
from lambdas.domain.order import FulfillmentStatus, PaymentStatus
from lambdas.domain.payment import Intent, IntentRequest, IntentState
from lambdas.domain.reasons import AUTHORIZATION_EXPIRED, PAYMENT_DECLINED
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import (
    needs_attention,
    payment_started,
    rejected,
)
from lambdas.services.key_generations import renewing_stale_keys
from lambdas.services.step_result import Outcome, StepResult, ended, went_on

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore
    from lambdas.domain.payment import PaymentProvider


@dataclass(frozen=True, slots=True)
class AuthorisePayment:
    """Creates the payment, stores its id, confirms it. Each try goes on where the order stands."""

    orders: OrderStore
    payments: PaymentProvider
    now: Clock

    def __call__(self, order: Order, claim: str) -> StepResult:
        """Authorise; a decline is an outcome.

        Raises PaymentOutcomeUnknown or ProviderUnavailable, after which the next try retrieves first.
        """
        if order.stop_reason:
            return went_on(Outcome.UNFULFILLABLE, reason=order.stop_reason)
        if order.payment_status is PaymentStatus.NOT_REQUIRED:
            return went_on(Outcome.AUTHORIZED)
        if order.fulfillment_status is FulfillmentStatus.RELEASED:
            # On its way to be rejected, which voids; whether it is void already does not matter.
            return went_on(Outcome.AUTHORIZED)
        order, intent = self._advance(order, claim)
        return self._conclude(order, intent, claim)

    def _advance(self, order: Order, claim: str) -> tuple[Order, Intent]:
        if order.payment_intent is None:
            with renewing_stale_keys(self.orders, order, claim, self.now):
                intent = self._create(order)
            if not intent.intent_id:
                return order, intent
            order = payment_started(order, to_text(self.now()), intent.intent_id)
            self.orders.save(order, claim)
        else:
            intent = self.payments.find(order.payment_intent)
        if intent.amount != order.amount:
            raise OrderCorrupt(f"{intent.intent_id} is of {intent.amount}, the order of {order.amount}")
        if intent.state is IntentState.UNCONFIRMED:
            with renewing_stale_keys(self.orders, order, claim, self.now):
                intent = self.payments.confirm(order.order_id, intent.intent_id, order.key_generation)
        return order, intent

    def _create(self, order: Order) -> Intent:
        if order.payment_method is None:
            raise OrderCorrupt(f"{order.order_id} has a total and no payment method")
        request = IntentRequest(order.order_id, order.amount, order.payment_method, order.key_generation)
        return self.payments.create(request)

    def _conclude(self, order: Order, intent: Intent, claim: str) -> StepResult:
        at = to_text(self.now())
        match intent.state:
            case IntentState.AUTHORIZED | IntentState.CAPTURED:
                return went_on(Outcome.AUTHORIZED)
            case IntentState.DECLINED if order.fulfillment_status is FulfillmentStatus.UNRESERVED:
                reason = f"{PAYMENT_DECLINED}{intent.decline_code}"
                order = rejected(order, at, reason, payment=PaymentStatus.DECLINED)
            case IntentState.CANCELED if order.fulfillment_status is FulfillmentStatus.UNRESERVED:
                # An intent found cancelled is never captured, and a customer is not charged anew days later.
                return went_on(Outcome.UNFULFILLABLE, reason=AUTHORIZATION_EXPIRED)
            case IntentState.DECLINED | IntentState.CANCELED:
                # The goods are held, perhaps shipped: a rejection would forget them.
                order = needs_attention(order, at, f"{intent.state}_after_reservation")
            case _:
                raise PaymentOutcomeUnknown(f"{intent.intent_id} is {intent.state}")
        self.orders.save(order, claim)
        return ended(order)
