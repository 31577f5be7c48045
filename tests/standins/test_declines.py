"""Declines and authentication: what the library raises and what becomes of the intent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from tests.standins.payments import charge_of, created

if TYPE_CHECKING:
    from orders.local.standins.remote import RemoteControl

DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_visa_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
]


def declined(client: stripe.StripeClient, intent_id: str, **params: bool) -> stripe.CardError:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.confirm(intent_id, {**params})  # type: ignore[arg-type]
    assert caught.value.http_status == 402
    return caught.value


def decline_code(error: stripe.CardError) -> str | None:
    assert error.error is not None
    return error.error.decline_code


@pytest.mark.parametrize(("method", "code", "issuer_code"), DECLINES)
def test_a_decline_keeps_its_codes_in_the_intent(
    client: stripe.StripeClient, method: str, code: str, issuer_code: str | None
) -> None:
    intent = created(client, method=method)
    error = declined(client, intent.id)
    assert (error.code, decline_code(error)) == (code, issuer_code)
    found = client.v1.payment_intents.retrieve(intent.id)
    assert (found.status, found.payment_method) == ("requires_payment_method", None)
    assert found.last_payment_error is not None
    assert found.last_payment_error.code == code
    assert getattr(found.last_payment_error, "decline_code", None) == issuer_code
    charge = charge_of(client, found)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)


def test_a_declined_intent_takes_another_card(client: stripe.StripeClient) -> None:
    intent = created(client, method="pm_card_visa_chargeDeclined")
    declined(client, intent.id)
    again = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (again.status, again.last_payment_error) == ("requires_capture", None)
    charges = client.v1.charges.list({"payment_intent": intent.id})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]


def test_a_decline_in_create_makes_the_intent(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create(
            {
                "amount": 900,
                "currency": "usd",
                "confirm": True,
                "allowed_payment_method_types": ["card"],
                "payment_method": "pm_card_chargeDeclined",
            }
        )
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None
    (only,) = client.v1.payment_intents.list().data
    assert only.id == caught.value.error.payment_intent.id


def test_authentication_is_a_decline_with_error_on_requires_action(
    client: stripe.StripeClient,
) -> None:
    intent = created(client, method="pm_card_authenticationRequired")
    error = declined(client, intent.id, error_on_requires_action=True)
    assert error.code == "authentication_required"
    assert decline_code(error) == "authentication_not_handled"
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_authentication_is_a_decline_off_session(client: stripe.StripeClient) -> None:
    intent = created(client, method="pm_card_authenticationRequired")
    error = declined(client, intent.id, off_session=True)
    assert (error.code, decline_code(error)) == ("authentication_required",) * 2


@pytest.mark.parametrize(
    ("succeeded", "status"), [(True, "requires_capture"), (False, "requires_payment_method")]
)
def test_authentication_is_an_action_otherwise(
    client: stripe.StripeClient, control: RemoteControl, succeeded: bool, status: str
) -> None:
    intent = created(client, method="pm_card_authenticationRequired")
    assert client.v1.payment_intents.confirm(intent.id).status == "requires_action"
    control.call("POST", f"intents/{intent.id}/authenticate", {"succeeded": succeeded})
    found = client.v1.payment_intents.retrieve(intent.id)
    assert (found.status, found.next_action) == (status, None)


def test_an_intent_that_waits_for_the_customer_can_be_canceled(client: stripe.StripeClient) -> None:
    intent = created(client, method="pm_card_authenticationRequired")
    client.v1.payment_intents.confirm(intent.id)
    canceled = client.v1.payment_intents.cancel(intent.id)
    assert (canceled.status, canceled.next_action) == ("canceled", None)
