"""The payment port over Stripe's official library.

Only PaymentIntents are used, with manual capture, and their refunds. https://docs.stripe.com/declines: a 402
`card_error` is the card's answer, not a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import stripe

from lambdas.adapters import stripe_refunds
from lambdas.adapters.stripe_api import is_replayed, options_for
from lambdas.domain.errors import ProviderRefused
from lambdas.domain.money import Money
from lambdas.domain.payment import Intent, IntentState, StaleKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe import StripeClient
    from stripe.params import (
        PaymentIntentCaptureParams,
        PaymentIntentConfirmParams,
        PaymentIntentCreateParams,
    )

    from lambdas.adapters.stripe_api import StripeApi
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.payment import IntentRequest, ProviderRefund, RefundRequest

_STATES: Final = {
    "requires_confirmation": IntentState.UNCONFIRMED,
    "requires_payment_method": IntentState.DECLINED,
    "requires_action": IntentState.DECLINED,
    "requires_capture": IntentState.AUTHORIZED,
    "succeeded": IntentState.CAPTURED,
    "canceled": IntentState.CANCELED,
    "processing": IntentState.PENDING,
}
# Refusals of a request's content that are the customer's affair: retrying them cannot help.
_BUSINESS_CODES: Final = frozenset({"amount_too_small", "amount_too_large"})


@dataclass(slots=True)
class StripePayments:
    """Payments at Stripe."""

    api: StripeApi

    def create(self, request: IntentRequest) -> Intent:
        """Create an unconfirmed PaymentIntent with manual capture."""
        params: PaymentIntentCreateParams = {
            "amount": request.amount.minor,
            "currency": request.amount.currency.lower(),
            "payment_method": request.payment_method,
            "allowed_payment_method_types": ["card"],
            "capture_method": "manual",
            "metadata": {"order_id": request.order_id},
        }
        options = options_for(request.order_id, "create", request.generation)
        try:
            return self._call(lambda api: api.v1.payment_intents.create(params, options))
        except stripe.InvalidRequestError as error:
            if error.code in _BUSINESS_CODES or error.param == "payment_method":
                return Intent("", IntentState.DECLINED, request.amount, decline_code=error.code or "invalid")
            raise ProviderRefused(f"create: {error.code}") from error
        except stripe.CardError as error:
            # No card is asked here: Stripe answers 402 to a raw card number. Its text is not passed on.
            raise ProviderRefused(f"create: {error.code}") from None

    def confirm(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Confirm the intent: the card answers now, and 3-D Secure counts as a decline."""
        options = options_for(order_id, "confirm", generation)
        params: PaymentIntentConfirmParams = {"error_on_requires_action": True}
        return self._change(
            intent_id,
            IntentState.UNCONFIRMED,
            lambda api: api.v1.payment_intents.confirm(intent_id, params, options),
        )

    def capture(self, order_id: OrderId, intent_id: str, amount: Money, generation: int) -> Intent:
        """Capture the whole amount."""
        options = options_for(order_id, "capture", generation)
        params: PaymentIntentCaptureParams = {"amount_to_capture": amount.minor}
        return self._change(
            intent_id,
            IntentState.AUTHORIZED,
            lambda api: api.v1.payment_intents.capture(intent_id, params, options),
        )

    def void(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Cancel the intent."""
        options = options_for(order_id, "void", generation)
        return self._change(
            intent_id,
            IntentState.AUTHORIZED,
            lambda api: api.v1.payment_intents.cancel(intent_id, {}, options),
        )

    def find(self, intent_id: str) -> Intent:
        """Retrieve the intent."""
        try:
            return self._call(lambda api: api.v1.payment_intents.retrieve(intent_id))
        except stripe.InvalidRequestError as error:
            raise ProviderRefused(f"retrieve: {error.code}") from error

    def refund(self, request: RefundRequest) -> ProviderRefund:
        """Refund a part of the intent, or all of it."""
        return stripe_refunds.refund(self.api, request)

    def find_refund(self, intent_id: str, refund_id: RefundId) -> ProviderRefund | None:
        """Find the refund among the intent's."""
        return stripe_refunds.find_refund(self.api, intent_id, refund_id)

    def _change(
        self, intent_id: str, before: IntentState, call: Callable[[StripeClient], stripe.PaymentIntent]
    ) -> Intent:
        """Change an intent; when it is in another state already, that state is the answer.

        `before` is the state that the change starts from: found there after a replayed refusal, the refusal
        no longer holds, and Stripe would replay it for a day (https://docs.stripe.com/error-low-level).
        """
        try:
            return self._call(call)
        except stripe.CardError:
            # The intent keeps the decline (`last_payment_error`): the one place where it is read from.
            return self.find(intent_id)
        except stripe.InvalidRequestError as error:
            if error.code == "payment_intent_unexpected_state":
                found = self.find(intent_id)
                if found.state is before and is_replayed(error):
                    raise StaleKey(f"{intent_id}: a refusal is replayed") from error
                return found
            if error.code == "payment_intent_authentication_failure":
                return self.find(intent_id)
            raise ProviderRefused(f"{intent_id}: {error.code}") from error

    def _call(self, call: Callable[[StripeClient], stripe.PaymentIntent]) -> Intent:
        return self.api.call(lambda client: _intent(call(client)))


def _intent(answer: stripe.PaymentIntent) -> Intent:
    decline = _decline_code(answer)
    state = _STATES.get(answer.status, IntentState.PENDING)
    if state is IntentState.DECLINED and not decline:
        # Nothing was tried yet, or the card wants its holder: both mean that no money can be had unattended.
        decline = "authentication_required" if answer.status == "requires_action" else "no_payment_method"
    return Intent(
        intent_id=answer.id,
        state=state,
        amount=Money(answer.amount, answer.currency.upper()),
        captured=answer.amount_received or 0,
        decline_code=decline,
    )


def _decline_code(answer: stripe.PaymentIntent) -> str | None:
    """Return the card's own reason; 3-D Secure is told by the error's code, its decline codes vary."""
    failure = answer.last_payment_error
    if failure is None:
        return None
    code: str | None = getattr(failure, "code", None)
    return code if code == "authentication_required" else getattr(failure, "decline_code", None) or code
