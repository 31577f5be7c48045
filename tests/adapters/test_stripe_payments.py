"""Payments through the official library at the project's stand-in: every state, every decline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
import stripe

from lambdas.adapters.stripe_payments import _STATES
from lambdas.domain.errors import ProviderRefused
from lambdas.domain.identifiers import OrderId
from lambdas.domain.money import Money
from lambdas.domain.payment import Intent, IntentRequest, IntentState
from tests.adapters.payments import AMOUNT, ORDER_ID, REQUEST, create, payments_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.stripe_payments import StripePayments
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn

DECLINES = {
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
    "pm_card_visa_chargeDeclinedStolenCard": "stolen_card",
    "pm_card_visa_chargeDeclinedFraudulent": "fraudulent",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "card_velocity_exceeded",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
    "pm_card_authenticationRequired": "authentication_required",
    "pm_card_threeDSecure2Required": "authentication_required",
}


@pytest.fixture
def payments(provider: PaymentStandIn) -> StripePayments:
    return payments_at(provider.url)


def confirmed(payments: StripePayments) -> Intent:
    return payments.confirm(ORDER_ID, create(payments), 0)


def captured(payments: StripePayments) -> Intent:
    return payments.capture(ORDER_ID, confirmed(payments).intent_id, AMOUNT, 0)


def voided(payments: StripePayments) -> Intent:
    return payments.void(ORDER_ID, confirmed(payments).intent_id, 0)


def test_a_created_payment_is_unconfirmed_and_names_its_order(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    intent = payments.create(REQUEST)
    assert (intent.state, intent.amount, intent.captured) == (IntentState.UNCONFIRMED, AMOUNT, 0)
    (shown,) = provider_control.call("GET", f"intents?order_id={ORDER_ID}")["intents"]
    assert (shown["id"], shown["amount"], shown["currency"]) == (intent.intent_id, AMOUNT.minor, "gbp")


def test_a_confirmed_payment_holds_the_money_and_takes_none(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    intent = confirmed(payments)
    assert (intent.state, intent.captured) == (IntentState.AUTHORIZED, 0)
    (shown,) = provider_control.call("GET", "intents")["intents"]
    assert (shown["authorised"], shown["captured"]) == (AMOUNT.minor, 0)


def test_a_captured_payment_is_taken_whole(payments: StripePayments) -> None:
    intent = captured(payments)
    assert (intent.state, intent.captured, intent.decline_code) == (IntentState.CAPTURED, AMOUNT.minor, None)


def test_a_voided_payment_is_cancelled_and_frees_the_money(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    assert voided(payments).state is IntentState.CANCELED
    (shown,) = provider_control.call("GET", "intents")["intents"]
    assert (shown["authorised"], shown["captured"]) == (0, 0)


@pytest.mark.parametrize("reached", [confirmed, captured, voided])
def test_a_payment_is_found_as_it_stands(
    payments: StripePayments, reached: Callable[[StripePayments], Intent]
) -> None:
    intent = reached(payments)
    assert payments.find(intent.intent_id) == intent


@pytest.mark.parametrize(("method", "code"), DECLINES.items())
def test_a_decline_is_an_answer_with_its_code(payments: StripePayments, method: str, code: str) -> None:
    intent_id = create(payments, replace(REQUEST, payment_method=method))
    declined = payments.confirm(ORDER_ID, intent_id, 0)
    assert (declined.state, declined.decline_code) == (IntentState.DECLINED, code)
    assert payments.find(intent_id) == declined
    assert payments.confirm(ORDER_ID, intent_id, 0) == declined


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"payment_method": "pm_unknown"}, "resource_missing"),
        ({"amount": Money(1, "GBP")}, "amount_too_small"),
        ({"amount": Money(100_000_000, "GBP")}, "amount_too_large"),
    ],
)
def test_a_payment_that_cannot_be_is_declined_without_an_intent(
    payments: StripePayments, changes: dict[str, str | Money], code: str
) -> None:
    intent = payments.create(replace(REQUEST, **changes))  # type: ignore[arg-type] # fields by name
    assert (intent.state, intent.intent_id, intent.decline_code) == (IntentState.DECLINED, "", code)


def test_a_card_number_is_refused_in_the_ports_own_words(payments: StripePayments) -> None:
    """Stripe answers 402 to it, and the library makes that a CardError although no card was asked."""
    with pytest.raises(ProviderRefused):
        payments.create(replace(REQUEST, payment_method="4242424242424242"))


@pytest.mark.parametrize("reached", [confirmed, captured, voided])
def test_confirming_again_in_any_state_answers_with_the_state_found(
    payments: StripePayments, reached: Callable[[StripePayments], Intent]
) -> None:
    intent = reached(payments)
    assert payments.confirm(ORDER_ID, intent.intent_id, 1) == intent


@pytest.mark.parametrize("reached", [captured, voided])
def test_capturing_and_voiding_what_has_ended_answers_with_the_state_found(
    payments: StripePayments, reached: Callable[[StripePayments], Intent]
) -> None:
    intent = reached(payments)
    assert payments.capture(ORDER_ID, intent.intent_id, AMOUNT, 1) == intent
    assert payments.void(ORDER_ID, intent.intent_id, 1) == intent


def test_an_unconfirmed_payment_is_not_captured(payments: StripePayments) -> None:
    intent_id = create(payments)
    assert payments.capture(ORDER_ID, intent_id, AMOUNT, 0).state is IntentState.UNCONFIRMED


def test_an_authorisation_of_a_week_ago_is_found_cancelled(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    intent = confirmed(payments)
    provider_control.call("POST", "advance", {"seconds": 7 * 86_400})
    assert payments.find(intent.intent_id).state is IntentState.CANCELED
    assert payments.capture(ORDER_ID, intent.intent_id, AMOUNT, 0).state is IntentState.CANCELED


@pytest.mark.parametrize("reached", [create, confirmed, captured, voided])
def test_repeating_every_step_moves_the_money_once(
    payments: StripePayments,
    provider_control: RemoteControl,
    reached: Callable[[StripePayments], object],
) -> None:
    assert reached(payments) == reached(payments)
    assert len(provider_control.call("GET", "intents")["intents"]) == 1


def test_a_payment_that_does_not_exist_is_refused(payments: StripePayments) -> None:
    with pytest.raises(ProviderRefused):
        payments.find("pi_unknown")


def test_another_request_under_the_same_key_is_refused(payments: StripePayments) -> None:
    payments.create(REQUEST)
    with pytest.raises(ProviderRefused):
        payments.create(replace(REQUEST, amount=Money(999, "GBP")))


def test_another_order_or_generation_is_another_payment(payments: StripePayments) -> None:
    other = IntentRequest(OrderId("ord_other"), AMOUNT, REQUEST.payment_method, 0)
    made = {create(payments, r) for r in (REQUEST, replace(REQUEST, generation=1), other)}
    assert len(made) == 3


def test_the_adapter_knows_every_status_of_the_library() -> None:
    """A status that is new to us would be `pending` for ever; the library's types list them all."""
    known, anything_else = get_args(stripe.PaymentIntent.__annotations__["status"])
    assert anything_else is str
    assert set(get_args(known)) == set(_STATES)
