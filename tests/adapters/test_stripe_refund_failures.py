"""What a failed call about a refund means, and that the money goes back once all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderRefused, ProviderUnavailable
from lambdas.domain.identifiers import RefundId
from lambdas.domain.payment import ProviderRefund, RefundState, StaleKey
from tests.adapters.endpoints import answering
from tests.adapters.payments import AMOUNT, API_KEY, captured, payments_at, secret_of
from tests.adapters.refunds import NOTHING_FOUND, PART, REFUND_ID, REST, asked, error_of, refunded, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.stripe_payments import StripePayments
    from lambdas.domain.money import Money
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn

DAYS = 3 * 86_400


@pytest.fixture
def payments(provider: PaymentStandIn) -> StripePayments:
    return payments_at(provider.url)


@pytest.fixture
def intent_id(payments: StripePayments) -> str:
    """A payment of which the money was taken."""
    return captured(payments)


def test_a_saved_500_makes_the_key_stale_and_the_next_generation_works(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    provider_control.fault("error_before", path="/v1/refunds", status=500)
    with pytest.raises(PaymentOutcomeUnknown):
        payments.refund(asked(intent_id, PART))
    for _ in range(2):
        with pytest.raises(StaleKey):
            payments.refund(asked(intent_id, PART))
    assert payments.find_refund(intent_id, REFUND_ID) is None
    assert payments.refund(replace(asked(intent_id, PART), generation=1)).state is RefundState.SUCCEEDED
    assert refunded(provider_control) == PART.minor


def test_a_saved_500_of_a_refund_that_worked_is_found_before_a_next_generation(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    provider_control.fault("error_after", path="/v1/refunds", status=500)
    with pytest.raises(PaymentOutcomeUnknown):
        payments.refund(asked(intent_id, PART))
    with pytest.raises(StaleKey):
        payments.refund(asked(intent_id, PART))
    found = payments.find_refund(intent_id, REFUND_ID)
    assert found
    assert found.state is RefundState.SUCCEEDED


def test_a_refusal_that_is_replayed_counts_as_it_stands(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    """The money that was in the way has come back; only a next generation asks Stripe again."""
    first = payments.refund(replace(asked(intent_id), refund_id=RefundId("ref_first")))
    refusal = payments.refund(asked(intent_id))
    provider_control.call("POST", f"refunds/{first.reference}/fail")
    assert payments.refund(asked(intent_id)) == refusal == refused(AMOUNT, "charge_already_refunded")
    assert payments.refund(replace(asked(intent_id), generation=1)).state is RefundState.SUCCEEDED


def test_a_refund_of_days_ago_is_found_although_its_key_is_forgotten(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    made = payments.refund(asked(intent_id, PART))
    provider_control.call("POST", "advance", {"seconds": DAYS})
    assert payments.find_refund(intent_id, REFUND_ID) == made


@pytest.mark.parametrize("amount", [AMOUNT, REST])
def test_a_refusal_because_the_refund_itself_was_made_before_answers_with_that_one(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str, amount: Money
) -> None:
    made = payments.refund(asked(intent_id, amount))
    provider_control.call("POST", "advance", {"seconds": DAYS})
    assert payments.refund(asked(intent_id, amount)) == made
    assert refunded(provider_control) == amount.minor


def test_another_refund_under_the_same_key_is_refused(payments: StripePayments, intent_id: str) -> None:
    payments.refund(asked(intent_id, PART))
    with pytest.raises(ProviderRefused):
        payments.refund(asked(intent_id, REST))


CALLS: dict[str, Callable[[StripePayments, str], ProviderRefund | None]] = {
    "refund": lambda payments, intent_id: payments.refund(asked(intent_id)),
    "find_refund": lambda payments, intent_id: payments.find_refund(intent_id, REFUND_ID),
}


@pytest.mark.parametrize("call", CALLS)
def test_rate_limiting_means_unavailable_and_an_outage_unknown(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str, call: str
) -> None:
    provider_control.fault("rate_limit")
    with pytest.raises(ProviderUnavailable):
        CALLS[call](payments, intent_id)
    provider_control.call("POST", "down", {"seconds": 60})
    with pytest.raises(PaymentOutcomeUnknown):
        CALLS[call](payments, intent_id)


@pytest.mark.parametrize("call", CALLS)
def test_a_rotated_key_is_fetched_once_and_the_call_goes_on(
    provider: PaymentStandIn, provider_control: RemoteControl, intent_id: str, call: str
) -> None:
    payments_at(provider.url).refund(asked(intent_id))
    provider_control.call("POST", "credentials", {"accepted": ["sk_test_new"]})
    secret = secret_of(API_KEY, "sk_test_new")
    refund = CALLS[call](payments_at(provider.url, secret), intent_id)
    assert refund
    assert refund.state is RefundState.SUCCEEDED
    assert secret.client.reads == 2


@pytest.mark.parametrize(
    "answer",
    [
        error_of(400, code="resource_missing", param="payment_intent"),
        error_of(400, code="parameter_unknown", param="reason"),
        error_of(400, code="parameter_invalid_integer", param="amount"),
        error_of(400),
        error_of(402, type="card_error", code="card_declined"),
        error_of(403),
    ],
)
def test_a_refund_that_no_retry_mends_is_refused_to_us(answer: bytes) -> None:
    with answering(answer, NOTHING_FOUND) as url, pytest.raises(ProviderRefused):
        payments_at(url).refund(asked("pi_1"))


def test_refunds_of_a_payment_that_does_not_exist_are_refused_to_us(payments: StripePayments) -> None:
    with pytest.raises(ProviderRefused):
        payments.refund(asked("pi_unknown"))
    with answering(error_of(404, code="resource_missing")) as url, pytest.raises(ProviderRefused):
        payments_at(url).find_refund("pi_unknown", REFUND_ID)
