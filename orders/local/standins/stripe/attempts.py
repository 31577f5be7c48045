"""What an attempt does to an intent, its charge and the balance: authorise, decline, capture.

An authorisation holds for seven days (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method);
then the intent is canceled with the reason `expired`. What a cancel or a partial capture releases is
no refund: there is no Refund and the charge's `amount_refunded` stays, since API 2025-03-31.basil
(https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.stripe.cards import (
    AUTHENTICATION_NOT_HANDLED,
    AUTHENTICATION_REQUIRED,
    CARDS,
)
from orders.local.standins.stripe.disputes import open_dispute
from orders.local.standins.stripe.errors import ApiError
from orders.local.standins.stripe.objects import new_charge, visible

if TYPE_CHECKING:
    from orders.local.standins.clock import Clock
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.balance import Balance
    from orders.local.standins.stripe.cards import Card, Decline
    from orders.local.standins.stripe.storage import Store

AUTHORISATION_SECONDS = 7 * 86_400


class Attempts:
    """Moves money; whether an intent's state allows it was checked before."""

    def __init__(self, store: Store, clock: Clock, balance: Balance) -> None:
        self._store = store
        self._clock = clock
        self._balance = balance

    def run(self, intent: Json, params: Json) -> None:
        """Try the intent's card.

        Raises:
            ApiError: 402 `card_error`; the intent was changed and must be kept.
        """
        method, card = self._card(intent)
        intent["last_payment_error"] = None
        if not card.needs_authentication:
            self._charge(intent, method, card)
        elif params.get("off_session"):
            raise self._declined(intent, method, AUTHENTICATION_REQUIRED, charged=True)
        elif params.get("error_on_requires_action"):
            raise self._declined(intent, method, AUTHENTICATION_NOT_HANDLED, charged=False)
        else:
            intent["status"] = "requires_action"
            intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
            self._store.save(intent)

    def finish_challenge(self, intent: Json, *, succeeded: bool) -> None:
        """The customer answered the challenge: charge, or back to another payment method."""
        method, card = self._card(intent)
        intent["next_action"] = None
        if succeeded:
            self._charge(intent, method, card)
            return
        message = (
            "We are unable to authenticate your payment method. Please choose a different payment "
            "method and try again."
        )
        self._fail(
            intent,
            {
                "code": "payment_intent_authentication_failure",
                "message": message,
                "payment_method": visible(method),
                "type": "invalid_request_error",
            },
        )

    def _card(self, intent: Json) -> tuple[Json, Card]:
        method = self._store.get("payment_method", intent["payment_method"], param="payment_method")
        return method, CARDS[method["_card"]]

    def _charge(self, intent: Json, method: Json, card: Card) -> None:
        if card.decline is not None:
            raise self._declined(intent, method, card.decline, charged=True)
        now = self._clock.now()
        manual = intent["capture_method"] == "manual"
        expires = now + AUTHORISATION_SECONDS if manual else None
        charge = new_charge(intent, method, now, expires)
        intent["latest_charge"] = charge["id"]
        self._store.insert(charge, parent=intent["id"])
        if manual:
            intent["status"] = "requires_capture"
            intent["amount_capturable"] = intent["amount"]
            intent["_capture_before"] = expires
            self._store.save(intent)
        else:
            self.capture(intent, intent["amount"])

    def _declined(self, intent: Json, method: Json, decline: Decline, *, charged: bool) -> ApiError:
        """Keep the decline in the intent; the caller raises what this returns."""
        details: Json = {"payment_method": visible(method)}
        if decline.decline_code is not None:
            details["decline_code"] = decline.decline_code
        if charged:
            details["charge"] = self._failed_charge(intent, method, decline)
        error: Json = {"type": "card_error", "code": decline.code, "message": decline.message}
        if decline.param is not None:
            error["param"] = decline.param
        self._fail(intent, error | details)
        return ApiError(
            402,
            "card_error",
            decline.message,
            code=decline.code,
            param=decline.param,
            payment_intent=visible(intent),
            **details,
        )

    def _failed_charge(self, intent: Json, method: Json, decline: Decline) -> str:
        charge = new_charge(intent, method, self._clock.now(), None) | {
            "status": "failed",
            "paid": False,
            "failure_code": decline.code,
            "failure_message": decline.message,
            "outcome": {
                "network_status": "declined_by_network",
                "reason": decline.decline_code or decline.code,
                "type": "issuer_declined",
            },
        }
        self._store.insert(charge, parent=intent["id"])
        intent["latest_charge"] = charge["id"]
        return str(charge["id"])

    def _fail(self, intent: Json, error: Json) -> None:
        intent["status"] = "requires_payment_method"
        intent["payment_method"] = None
        intent["last_payment_error"] = error
        self._store.save(intent)

    def capture(self, intent: Json, amount: int) -> None:
        """Take the amount, release the rest, book it less the fee."""
        _, card = self._card(intent)
        charge = self._store.get("charge", intent["latest_charge"], param="charge")
        charge["captured"] = True
        charge["amount_captured"] = amount
        charge["balance_transaction"] = self._balance.book_charge(
            charge, available_at_once=card.available_at_once
        )
        self._store.save(charge)
        intent["status"] = "succeeded"
        intent["amount_capturable"] = 0
        intent["amount_received"] = amount
        self._store.save(intent)
        if card.disputed:
            open_dispute(self._store, self._clock, self._balance, charge, amount)

    def release(self, intent: Json, reason: str | None) -> None:
        """Cancel the intent and give back what it held."""
        intent["status"] = "canceled"
        intent["amount_capturable"] = 0
        intent["next_action"] = None
        intent["canceled_at"] = self._clock.now()
        intent["cancellation_reason"] = reason
        self._store.save(intent)

    def expire_if_due(self, intent: Json) -> bool:
        """Cancel an authorisation older than seven days; whether it was."""
        if intent["status"] != "requires_capture":
            return False
        if intent["_capture_before"] > self._clock.now():
            return False
        self.release(intent, "expired")
        return True
