"""PaymentIntents: the states and what moves between them.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle and the API reference. A decline
is an answer of 402 that nevertheless changes the intent: `attempts` does that part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.stripe.amounts import check_charge, check_currency, check_positive
from orders.local.standins.stripe.attempts import Attempts
from orders.local.standins.stripe.cards import CARDS
from orders.local.standins.stripe.errors import invalid, no_such, refused, unexpected_state
from orders.local.standins.stripe.listing import Conditions, page
from orders.local.standins.stripe.method_types import (
    automatic_methods,
    check_confirmable,
    method_types,
)
from orders.local.standins.stripe.objects import (
    merge_metadata,
    new_intent,
    new_payment_method,
    visible,
)

if TYPE_CHECKING:
    from orders.local.standins.clock import Clock
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.balance import Balance
    from orders.local.standins.stripe.storage import Store

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (
    "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action",
    "processing",
)  # fmt: skip
WITH_CONFIRM_ONLY = ("error_on_requires_action", "off_session", "return_url", "mandate_data")
PLAIN_FIELDS = (
    "description", "receipt_email", "customer", "shipping", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_group", "setup_future_usage",
)  # fmt: skip
FIXED_ONCE_CONFIRMED = ("amount", "currency", "payment_method", "capture_method")


class Intents:
    """The payment_intents endpoints."""

    def __init__(self, store: Store, clock: Clock, balance: Balance) -> None:
        self._store = store
        self._clock = clock
        self.attempts = Attempts(store, clock, balance)

    def create(self, _: str, params: Json) -> Json:
        """`POST /v1/payment_intents`; with `confirm=true` it is attempted at once."""
        currency = check_currency(params["currency"])
        check_charge(params["amount"], currency)
        confirm = params.get("confirm", False)
        for name in WITH_CONFIRM_ONLY:
            if name in params and not confirm:
                raise invalid(f"You can only pass `{name}` when `confirm` is true.", param=name)
        intent = new_intent(params, currency, method_types(params), self._clock.now())
        intent["automatic_payment_methods"] = automatic_methods(params)
        if "payment_method" in params:
            self._attach(intent, params["payment_method"])
        if confirm:
            check_confirmable(intent, params)
        self._store.insert(intent)
        if confirm:
            self.attempts.run(intent, params)
        return intent

    def retrieve(self, intent_id: str, _: Json) -> Json:
        """`GET /v1/payment_intents/{id}`."""
        return self._load(intent_id)

    def list(self, _: str, params: Json) -> Json:
        """`GET /v1/payment_intents`."""
        conditions = Conditions()
        conditions.within("created", params.get("created"))
        conditions.equals("body ->> '$.customer'", params.get("customer"))
        return page(self._store, "payment_intent", "/v1/payment_intents", params, conditions)

    def update(self, intent_id: str, params: Json) -> Json:
        """`POST /v1/payment_intents/{id}`: metadata always, money only before it is authorised."""
        intent = self._load(intent_id)
        for name in FIXED_ONCE_CONFIRMED:
            if name in params and intent["status"] not in CONFIRMABLE:
                raise unexpected_state(
                    f"This PaymentIntent's {name} could not be updated because it has a status of "
                    f"{intent['status']}. You may only update the {name} of a PaymentIntent with "
                    f"one of the following statuses: {', '.join(CONFIRMABLE)}.",
                    visible(intent),
                )
        intent["currency"] = check_currency((intent | params)["currency"])
        intent["amount"] = check_charge((intent | params)["amount"], intent["currency"])
        if "metadata" in params:
            intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
        for name in (*PLAIN_FIELDS, "capture_method"):
            if name in params:
                intent[name] = params[name] or None
        if "payment_method" in params:
            self._attach(intent, params["payment_method"])
        self._store.save(intent)
        return intent

    def confirm(self, intent_id: str, params: Json) -> Json:
        """`POST /v1/payment_intents/{id}/confirm`: one attempt to authorise or charge."""
        intent = self._load(intent_id)
        if intent["status"] == "succeeded":
            raise unexpected_state(
                "You cannot confirm this PaymentIntent because it has already succeeded after "
                "being previously confirmed.",
                visible(intent),
            )
        if intent["status"] not in CONFIRMABLE:
            raise unexpected_state(
                f"You cannot confirm this PaymentIntent because it has a status of "
                f"{intent['status']}. Only a PaymentIntent with one of the following statuses may "
                f"be confirmed: {', '.join(CONFIRMABLE)}.",
                visible(intent),
            )
        if "payment_method" in params:
            self._attach(intent, params["payment_method"])
        check_confirmable(intent, params)
        self.attempts.run(intent, params)
        return intent

    def capture(self, intent_id: str, params: Json) -> Json:
        """`POST /v1/payment_intents/{id}/capture`: once; what is not captured is released."""
        intent = self._load(intent_id)
        if intent["status"] != "requires_capture":
            reason = (
                "it has already been captured."
                if intent["status"] == "succeeded"
                else f"it has a status of {intent['status']}. Only a PaymentIntent with one of the "
                "following statuses may be captured: requires_capture."
            )
            raise unexpected_state(
                f"This PaymentIntent could not be captured because {reason}", visible(intent)
            )
        capturable = intent["amount_capturable"]
        asked: Json = {"amount_to_capture": capturable} | params
        amount = check_positive(asked["amount_to_capture"], "amount_to_capture")
        if amount > capturable:
            raise refused(
                "The payment could not be captured because the requested capture amount is greater "
                "than the amount you can capture for this charge.",
                code="amount_too_large",
                param="amount_to_capture",
            )
        if not params.get("final_capture", True):
            raise refused("Multicapture is not available for this PaymentIntent.", param="final_capture")
        if "metadata" in params:
            intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
        self.attempts.capture(intent, amount)
        return intent

    def cancel(self, intent_id: str, params: Json) -> Json:
        """`POST /v1/payment_intents/{id}/cancel`: releases what was authorised; final."""
        intent = self._load(intent_id)
        if intent["status"] not in CANCELABLE:
            raise unexpected_state(
                f"You cannot cancel this PaymentIntent because it has a status of "
                f"{intent['status']}. Only a PaymentIntent with one of the following statuses may "
                f"be canceled: {', '.join(CANCELABLE)}.",
                visible(intent),
            )
        self.attempts.release(intent, params.get("cancellation_reason"))
        return intent

    def authenticate(self, intent_id: str, *, succeeded: bool) -> Json:
        """Let the customer finish the 3-D Secure challenge of an intent in `requires_action`."""
        intent = self._load(intent_id)
        if intent["status"] != "requires_action":
            raise ValueError(f"{intent_id} has the status {intent['status']}")
        self.attempts.finish_challenge(intent, succeeded=succeeded)
        return intent

    def _load(self, intent_id: str) -> Json:
        intent = self._store.get("payment_intent", intent_id, param="intent")
        self.attempts.expire_if_due(intent)
        return intent

    def _attach(self, intent: Json, name: str) -> None:
        """Set the payment method; a test card's name makes a new PaymentMethod of it."""
        card = CARDS.get(name)
        if card is not None:
            method = new_payment_method(name, card, self._clock.now())
            self._store.insert(method)
        else:
            found = self._store.find("payment_method", name)
            if found is None:
                raise no_such("PaymentMethod", name, param="payment_method", in_path=False)
            method = found
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
