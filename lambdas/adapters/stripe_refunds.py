"""Refunds of a PaymentIntent at Stripe, found again by the id of ours in their metadata.

Rules of Stripe that this rests on:
- https://docs.stripe.com/api/refunds/object: the statuses of a refund;
- https://docs.stripe.com/refunds: it is `pending` while the shop's balance does not cover it, and one that
  succeeded may still become `failed`, as when the card is closed;
- https://docs.stripe.com/api/refunds/create: to refund a charge that is refunded already, or more than is
  left on it, is an error; `reason` is one of three, or left out;
- https://docs.stripe.com/error-codes: the codes of the refusals;
- https://docs.stripe.com/search#data-freshness: search lags, lists do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import stripe

from lambdas.adapters.stripe_api import options_for
from lambdas.domain.errors import ProviderRefused
from lambdas.domain.money import Money
from lambdas.domain.payment import ProviderRefund, RefundState

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams, RefundListParams

    from lambdas.adapters.stripe_api import StripeApi
    from lambdas.domain.identifiers import RefundId
    from lambdas.domain.payment import RefundRequest

_STATES: Final = {
    "succeeded": RefundState.SUCCEEDED,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
# The rest is ours (goodwill, a wrong price): Stripe has no word for it. `fraudulent` would block the card.
_REASONS: Final[dict[str, Literal["duplicate", "requested_by_customer"]]] = {
    "duplicate": "duplicate",
    "customer_request": "requested_by_customer",
    "returned": "requested_by_customer",
    "damaged": "requested_by_customer",
    "not_received": "requested_by_customer",
}
_TOO_MUCH: Final = "amount_too_large"
# How the payment stands forbids the refund, and no retry changes that.
_BUSINESS_CODES: Final = frozenset(
    {
        "charge_already_refunded",
        "charge_disputed",
        "charge_not_refundable",
        "refund_disputed_payment",
        _TOO_MUCH,
    }
)
_LARGEST_PAGE: Final = 100


def refund(api: StripeApi, request: RefundRequest) -> ProviderRefund:
    """Create the refund; when it is refused and is there all the same, the one that is there is the answer.

    It is there when Stripe has forgotten the key under which an earlier try worked. A refusal that is
    replayed is as good as a new one: it says what the first try came to.
    """
    params: RefundCreateParams = {
        "payment_intent": request.intent_id,
        "amount": request.amount.minor,
        "metadata": {"order_id": request.order_id, "refund_id": request.refund_id},
    }
    if reason := _REASONS.get(request.reason_code):
        params["reason"] = reason
    options = options_for(request.refund_id, "refund", request.generation)
    try:
        return api.call(lambda client: _refund(client.v1.refunds.create(params, options)))
    except stripe.InvalidRequestError as error:
        code = _refusal(error)
        if code is None:
            raise ProviderRefused(f"refund: {error.code}") from error
    except stripe.CardError as error:
        raise ProviderRefused(f"refund: {error.code}") from None
    found = find_refund(api, request.intent_id, request.refund_id)
    return found or ProviderRefund("", RefundState.FAILED, request.amount, failure=code)


def find_refund(api: StripeApi, intent_id: str, refund_id: RefundId) -> ProviderRefund | None:
    """Look through all refunds of the intent, the newest first."""
    params: RefundListParams = {"payment_intent": intent_id, "limit": _LARGEST_PAGE}

    def look(client: stripe.StripeClient) -> ProviderRefund | None:
        refunds = client.v1.refunds.list(params).auto_paging_iter()
        ours = (r for r in refunds if getattr(r.metadata, "refund_id", None) == refund_id)
        return next(map(_refund, ours), None)

    try:
        return api.call(look)
    except stripe.InvalidRequestError as error:
        raise ProviderRefused(f"list refunds: {error.code}") from error


def _refund(answer: stripe.Refund) -> ProviderRefund:
    state = _STATES.get(answer.status or "", RefundState.PENDING)
    failure: str | None = None
    if state is RefundState.FAILED:
        failure = getattr(answer, "failure_reason", None) or answer.status
    amount = Money(answer.amount, answer.currency.upper())
    return ProviderRefund(answer.id, state, amount, failure)


def _refusal(error: stripe.InvalidRequestError) -> str | None:
    """Return the code of a business refusal; Stripe gives none when more is asked for than is left."""
    if error.code in _BUSINESS_CODES:
        return error.code
    return _TOO_MUCH if error.code is None and error.param == "amount" else None
