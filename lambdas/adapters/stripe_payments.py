"""The payment port over Stripe's official library.

Only PaymentIntents are used, with manual capture. Rules of Stripe that the mapping rests on:
- https://docs.stripe.com/api/idempotent_requests: the first answer under a key is saved, 500s included, and
  replayed with `Idempotent-Replayed: true`;
- https://docs.stripe.com/error-low-level: after a network failure or a 5xx the outcome is not known;
- https://docs.stripe.com/declines: a 402 `card_error` is the card's answer, not a failure.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import stripe
import urllib3
from stripe import HTTPClient, StripeClient

from lambdas.adapters.http_pool import make_pool
from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderRefused, ProviderUnavailable
from lambdas.domain.money import Money
from lambdas.domain.payment import Intent, IntentState, StaleKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe import RequestOptions
    from stripe.params import (
        PaymentIntentCaptureParams,
        PaymentIntentConfirmParams,
        PaymentIntentCreateParams,
    )

    from lambdas.adapters.secrets import CachedSecret
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.payment import IntentRequest

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
_UNAUTHENTICATED: Final = 401
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


# The library logs every error's message at INFO (it may name the payment method) and whole forms at DEBUG.
logging.getLogger("stripe").setLevel(logging.WARNING)


class PooledHttpClient(HTTPClient):
    """Stripe's HTTP port over urllib3: `requests` would cost 25 ms of cold start and a megabyte."""

    name = "urllib3"

    def __init__(self, pool: urllib3.PoolManager) -> None:
        """Use a pool that retries nothing."""
        super().__init__()
        self._pool = pool

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the library's own signature
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Call once; any failure to get a whole answer is a connection error."""
        try:
            answer = self._pool.request(method, url, headers=headers, body=post_data)
        except urllib3.exceptions.HTTPError as error:
            raise stripe.APIConnectionError(type(error).__name__) from error  # type: ignore[no-untyped-call] # theirs
        except ValueError:
            # http.client names the header's value in its message: it must not get into a log.
            raise ProviderRefused("the provider's key cannot be sent as a header") from None
        # The library logs bytes before it decodes them, and would die of a page that is no UTF-8.
        return answer.data.decode(errors="replace"), answer.status, answer.headers

    def close(self) -> None:
        """Close the pool's connections."""
        self._pool.clear()


@dataclass(slots=True)
class StripePayments:
    """Payments at Stripe; `api_base` is its address or a stand-in's."""

    secret: CachedSecret
    api_base: str
    _http: PooledHttpClient = field(default_factory=lambda: PooledHttpClient(make_pool()))

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
        options = _options(request.order_id, "create", request.generation)
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
        options = _options(order_id, "confirm", generation)
        params: PaymentIntentConfirmParams = {"error_on_requires_action": True}
        return self._change(
            intent_id,
            IntentState.UNCONFIRMED,
            lambda api: api.v1.payment_intents.confirm(intent_id, params, options),
        )

    def capture(self, order_id: OrderId, intent_id: str, amount: Money, generation: int) -> Intent:
        """Capture the whole amount."""
        options = _options(order_id, "capture", generation)
        params: PaymentIntentCaptureParams = {"amount_to_capture": amount.minor}
        return self._change(
            intent_id,
            IntentState.AUTHORIZED,
            lambda api: api.v1.payment_intents.capture(intent_id, params, options),
        )

    def void(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Cancel the intent."""
        options = _options(order_id, "void", generation)
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
                if found.state is before and _is_replayed(error):
                    raise StaleKey(f"{intent_id}: a refusal is replayed") from error
                return found
            if error.code == "payment_intent_authentication_failure":
                return self.find(intent_id)
            raise ProviderRefused(f"{intent_id}: {error.code}") from error

    def _call(self, call: Callable[[StripeClient], stripe.PaymentIntent]) -> Intent:
        try:
            return _intent(self._call_authenticated(call))
        except (stripe.CardError, stripe.InvalidRequestError):
            raise
        except stripe.StripeError as error:
            _explain(error)

    def _call_authenticated(
        self, call: Callable[[StripeClient], stripe.PaymentIntent]
    ) -> stripe.PaymentIntent:
        try:
            return call(self._client())
        except stripe.AuthenticationError:
            self.secret.forget()
            return call(self._client())

    def _client(self) -> StripeClient:
        return StripeClient(
            self.secret.value(),
            base_addresses={"api": self.api_base},
            http_client=self._http,
            max_network_retries=0,
        )


def _options(order_id: OrderId, step: str, generation: int) -> RequestOptions:
    """Give a call its key: the same again for every try, until a next generation is stored."""
    return {"idempotency_key": f"{order_id}/{step}/{generation}"}


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


def _is_replayed(error: stripe.StripeError) -> bool:
    return str((error.headers or {}).get("idempotent-replayed", "")).lower() == "true"


def _explain(error: stripe.StripeError) -> NoReturn:
    """Raise what a failed call means; the message holds codes, never the provider's text or our key."""
    name = type(error).__name__
    status = error.http_status or 0
    if status == _UNAUTHENTICATED or isinstance(error, stripe.PermissionError):
        raise ProviderRefused(f"{name} ({status})") from error
    if isinstance(error, stripe.IdempotencyError) and status != _CONFLICT:
        raise ProviderRefused(f"{name}: another request went out under the same key") from error
    if status in {_TOO_MANY, _CONFLICT}:
        raise ProviderUnavailable(f"{name} ({status})") from error
    if status >= _SERVER_ERROR and _is_replayed(error):
        raise StaleKey(f"{name} ({status}) is replayed") from error
    raise PaymentOutcomeUnknown(f"{name} ({status or 'no answer'})") from error
