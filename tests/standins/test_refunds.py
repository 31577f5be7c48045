"""Refunds: never above what was captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from tests.standins.payments import authorised, captured, charge_of, created

if TYPE_CHECKING:
    from orders.local.standins.remote import RemoteControl


def test_a_full_refund(client: stripe.StripeClient) -> None:
    intent = captured(client)
    refund = client.v1.refunds.create(
        {
            "payment_intent": intent.id,
            "reason": "requested_by_customer",
            "metadata": {"order_id": "ord_1"},
        }
    )
    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 2000, "usd")
    assert refund.payment_intent == intent.id
    charge = charge_of(client, intent)
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    assert client.v1.refunds.retrieve(refund.id) == refund
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_partial_refunds_up_to_what_was_captured(client: stripe.StripeClient) -> None:
    intent = authorised(client, amount=2000)
    client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1500})
    charge = str(client.v1.payment_intents.retrieve(intent.id).latest_charge)
    client.v1.refunds.create({"charge": charge, "amount": 600})
    with pytest.raises(stripe.InvalidRequestError, match=r"\$9.01.*\$9.00") as caught:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 901})
    assert caught.value.param == "amount"
    client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    assert caught.value.code == "charge_already_refunded"
    refunds = client.v1.refunds.list({"payment_intent": intent.id}).data
    assert [refund.amount for refund in refunds] == [900, 600]
    assert [refund.id for refund in client.v1.refunds.list({"charge": charge}).data] == [
        refund.id for refund in refunds
    ]


def test_what_was_not_captured_is_not_refunded(client: stripe.StripeClient) -> None:
    canceled = authorised(client)
    client.v1.payment_intents.cancel(canceled.id)
    for intent in (created(client), authorised(client), canceled):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.refunds.create({"payment_intent": intent.id})
        assert caught.value.code == "charge_not_refundable"


def test_a_charge_that_was_charged_back_is_not_refunded(
    client: stripe.StripeClient, control: RemoteControl
) -> None:
    intent = captured(client)
    dispute = control.call("POST", "disputes", {"payment_intent": intent.id, "amount": 500})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"
    control.call("POST", f"disputes/{dispute['id']}/win")
    assert client.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_a_refund_names_a_payment(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"amount": 5})
    assert caught.value.code == "parameter_missing"
    one, other = captured(client), captured(client)
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        client.v1.refunds.create({"payment_intent": one.id, "charge": str(other.latest_charge)})


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_is_positive(client: stripe.StripeClient, amount: int) -> None:
    intent = captured(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": amount})
    assert caught.value.code == "parameter_invalid_integer"


def test_a_refund_that_fails_gives_the_money_back(
    client: stripe.StripeClient, control: RemoteControl
) -> None:
    intent = captured(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    control.call("POST", f"refunds/{refund.id}/fail")
    found = client.v1.refunds.retrieve(refund.id)
    assert found.status == "failed"
    failure = client.v1.balance_transactions.retrieve(str(found.failure_balance_transaction))
    assert (failure.type, failure.reporting_category) == ("refund_failure", "refund_failure")
    assert (failure.amount, failure.source) == (2000, refund.id)
    assert charge_of(client, intent).amount_refunded == 0
    assert control.call("GET", "intents")["totals"]["usd"]["refunded"] == 0
