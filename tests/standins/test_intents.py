"""The states of a PaymentIntent and what moves between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
import stripe

from tests.standins.payments import authorised, captured, charge_of, created

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.local.standins.remote import RemoteControl

WEEK = 7 * 86_400


def assert_unexpected_state(call: Callable[[], object], status: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    error = caught.value.error
    assert caught.value.http_status == 400
    assert error is not None
    assert error.code == "payment_intent_unexpected_state"
    assert error.payment_intent is not None
    assert error.payment_intent.status == status


def test_an_intent_without_a_method_waits_for_one(client: stripe.StripeClient) -> None:
    intent = created(client, method=None)
    assert intent.status == "requires_payment_method"
    assert_unexpected_state(lambda: client.v1.payment_intents.confirm(intent.id), "requires_payment_method")
    confirmed = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert confirmed.status == "requires_capture"


def test_the_whole_way_of_a_manual_capture(client: stripe.StripeClient) -> None:
    intent = created(client)
    assert (intent.status, intent.latest_charge) == ("requires_confirmation", None)
    intent = client.v1.payment_intents.confirm(intent.id, {"error_on_requires_action": True})
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 2000)
    charge = charge_of(client, intent)
    assert (charge.captured, charge.amount_captured, charge.balance_transaction) == (False, 0, None)
    intent = client.v1.payment_intents.capture(intent.id)
    assert (intent.status, intent.amount_capturable) == ("succeeded", 0)
    assert intent.amount_received == 2000
    charge = charge_of(client, intent)
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 2000, 0)
    assert client.v1.payment_intents.retrieve(intent.id) == intent


def test_automatic_capture_with_confirm(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 700,
            "currency": "EUR",
            "payment_method": "pm_card_mastercard",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": "two books",
        }
    )
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 700, "eur")
    charge = charge_of(client, intent)
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.last4 == "4444"


def test_a_partial_capture_is_final_and_releases_the_rest(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    intent = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1500})
    assert (intent.amount, intent.amount_received) == (2000, 1500)
    charge = charge_of(client, intent)
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (1500, 0, False)
    assert client.v1.refunds.list({"payment_intent": intent.id}).data == []
    assert_unexpected_state(lambda: client.v1.payment_intents.capture(intent.id), "succeeded")


def test_more_than_was_authorised_is_not_captured(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 2001})
    assert caught.value.code == "amount_too_large"
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_multicapture_is_refused(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.capture(intent.id, {"final_capture": False})
    assert caught.value.param == "final_capture"


@pytest.mark.parametrize("make", [created, authorised])
def test_cancel_releases_and_is_final(
    client: stripe.StripeClient, make: Callable[[stripe.StripeClient], stripe.PaymentIntent]
) -> None:
    intent = make(client)
    intent = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    assert (intent.amount_capturable, intent.amount_received) == (0, 0)
    assert intent.canceled_at is not None
    service = client.v1.payment_intents
    assert_unexpected_state(lambda: service.capture(intent.id), "canceled")
    assert_unexpected_state(lambda: service.confirm(intent.id), "canceled")
    assert_unexpected_state(lambda: service.cancel(intent.id), "canceled")


def test_a_captured_intent_is_neither_canceled_nor_confirmed(client: stripe.StripeClient) -> None:
    intent = captured(client)
    assert_unexpected_state(lambda: client.v1.payment_intents.cancel(intent.id), "succeeded")
    assert_unexpected_state(lambda: client.v1.payment_intents.confirm(intent.id), "succeeded")


def test_an_authorisation_expires_after_seven_days(
    client: stripe.StripeClient, control: RemoteControl
) -> None:
    intent = authorised(client)
    assert control.call("POST", "advance", {"seconds": WEEK - 60})["expired"] == []
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    assert control.call("POST", "advance", {"seconds": 61})["expired"] == [intent.id]
    found = client.v1.payment_intents.retrieve(intent.id)
    assert (found.status, found.cancellation_reason) == ("canceled", "expired")
    assert_unexpected_state(lambda: client.v1.payment_intents.capture(intent.id), "canceled")


def test_metadata_is_merged_and_unset(client: stripe.StripeClient) -> None:
    intent = created(client)
    changes: list[tuple[dict[str, str] | Literal[""], dict[str, str]]] = [
        ({"try": "2"}, {"order_id": "ord_1", "try": "2"}),
        ({"try": ""}, {"order_id": "ord_1"}),
        ("", {}),
    ]
    for change, after in changes:
        updated = client.v1.payment_intents.update(intent.id, {"metadata": change})
        assert updated.metadata.to_dict() == after


def test_the_amount_is_fixed_once_authorised(client: stripe.StripeClient) -> None:
    intent = created(client)
    assert client.v1.payment_intents.update(intent.id, {"amount": 2100}).amount == 2100
    intent = client.v1.payment_intents.confirm(intent.id)
    assert_unexpected_state(
        lambda: client.v1.payment_intents.update(intent.id, {"amount": 5000}), "requires_capture"
    )


def test_a_list_pages_both_ways(client: stripe.StripeClient) -> None:
    ids = [created(client, order_id=f"ord_{number}").id for number in range(5)][::-1]
    first = client.v1.payment_intents.list({"limit": 2})
    assert ([intent.id for intent in first.data], first.has_more) == (ids[:2], True)
    second = client.v1.payment_intents.list({"limit": 3, "starting_after": ids[1]})
    assert ([intent.id for intent in second.data], second.has_more) == (ids[2:], False)
    back = client.v1.payment_intents.list({"limit": 2, "ending_before": ids[3]})
    assert ([intent.id for intent in back.data], back.has_more) == (ids[1:3], True)
    assert [intent.id for intent in first.auto_paging_iter()] == ids


def test_expansion_gives_objects_for_ids(client: stripe.StripeClient) -> None:
    intent = captured(client)
    found = client.v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    assert isinstance(found.latest_charge, stripe.Charge)
    assert isinstance(found.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert isinstance(found.payment_method, stripe.PaymentMethod)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.payment_intents.retrieve(intent.id, {"expand": ["nothing"]})


@pytest.mark.parametrize("field", ["_card", "_capture_before"])
def test_the_notes_of_the_stand_in_are_not_shown(client: stripe.StripeClient, field: str) -> None:
    found = client.v1.payment_intents.retrieve(
        authorised(client).id, {"expand": ["payment_method", "latest_charge"]}
    )
    assert field not in str(found)
