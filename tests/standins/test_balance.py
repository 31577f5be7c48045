"""Balance transactions, fees, payouts and disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orders.local.standins.remote import ControlFailedError
from orders.local.standins.stripe.balance import fee_of
from tests.standins.payments import authorised, captured, movements

if TYPE_CHECKING:
    import stripe

    from orders.local.standins.remote import RemoteControl

TWO_DAYS = 2 * 86_400


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [(1000, "usd", 59), (50, "usd", 31), (1000, "gbp", 35), (999, "eur", 35), (1000, "jpy", 29)],
)
def test_the_fee(amount: int, currency: str, fee: int) -> None:
    assert fee_of(amount, currency) == fee


def test_an_authorisation_moves_nothing(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    client.v1.payment_intents.cancel(intent.id)
    assert movements(client) == []


def test_a_capture_and_its_refund(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1000})
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    assert movements(client) == [("charge", 1000, 59, 941), ("refund", -400, 0, -400)]
    newest, oldest = client.v1.balance_transactions.list().data
    assert (newest.type, newest.source, newest.id) == (
        "refund",
        refund.id,
        refund.balance_transaction,
    )
    assert (oldest.type, oldest.status) == ("charge", "pending")
    assert oldest.available_on == oldest.created + TWO_DAYS
    assert [detail.amount for detail in oldest.fee_details] == [59]
    assert client.v1.balance_transactions.retrieve(oldest.id) == oldest


def test_a_list_is_filtered(client: stripe.StripeClient, control: RemoteControl) -> None:
    dollars = captured(client)
    first = client.v1.balance_transactions.list().data[0]
    control.call("POST", "advance", {"seconds": 3600})
    captured(client, currency="eur")
    client.v1.refunds.create({"payment_intent": dollars.id})
    service = client.v1.balance_transactions

    def categories(**filters: object) -> list[tuple[str, str]]:
        listed = service.list({**filters})  # type: ignore[arg-type]
        return [(item.type, item.currency) for item in listed.data]

    assert categories(type="refund") == [("refund", "usd")]
    assert categories(currency="eur") == [("charge", "eur")]
    assert categories(source=dollars.latest_charge) == [("charge", "usd")]
    assert categories(created=first.created) == [("charge", "usd")]
    assert categories(created={"lte": first.created}) == [("charge", "usd")]
    after = [("refund", "usd"), ("charge", "eur")]
    assert categories(created={"gt": first.created}) == after
    assert categories(created={"gte": first.created, "lt": first.created}) == []
    pages = service.list({"limit": 1}).auto_paging_iter()
    assert [item.currency for item in pages] == ["usd", "eur", "usd"]


def test_a_payout_pays_what_is_available(client: stripe.StripeClient, control: RemoteControl) -> None:
    captured(client, amount=1000)
    with pytest.raises(ControlFailedError, match="nothing to pay out"):
        control.call("POST", "payouts", {"currency": "usd"})
    control.call("POST", "advance", {"seconds": TWO_DAYS})
    captured(client, amount=5000)
    made = control.call("POST", "payouts", {"currency": "usd"})
    payout = client.v1.payouts.retrieve(made["id"])
    assert (payout.amount, payout.status, payout.automatic) == (941, "paid", True)
    members = client.v1.balance_transactions.list({"payout": payout.id}).data
    assert [(item.type, item.net) for item in members] == [("payout", -941), ("charge", 941)]
    assert [item.id for item in client.v1.payouts.list({"status": "paid"}).data] == [payout.id]
    with pytest.raises(ControlFailedError):
        control.call("POST", "payouts", {"currency": "usd"})
    balance = client.v1.balance.retrieve()
    assert [item.amount for item in balance.available] == [0]
    assert [item.amount for item in balance.pending] == [4825]


def test_a_payout_that_fails_comes_back(client: stripe.StripeClient, control: RemoteControl) -> None:
    captured(client, amount=1000, method="pm_card_bypassPending")
    first = control.call("POST", "payouts", {"currency": "usd"})
    control.call("POST", f"payouts/{first['id']}/fail")
    failed = client.v1.payouts.retrieve(first["id"])
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert movements(client)[-1] == ("payout_reversal", 941, 0, 941)
    assert control.call("POST", "payouts", {"currency": "usd"})["amount"] == 941
    with pytest.raises(ControlFailedError):
        control.call("POST", f"payouts/{first['id']}/fail")


def test_a_dispute_and_its_end(client: stripe.StripeClient, control: RemoteControl) -> None:
    intent = captured(client, amount=1000)
    dispute = control.call("POST", "disputes", {"payment_intent": intent.id})
    control.call("POST", f"disputes/{dispute['id']}/win")
    assert movements(client)[1:] == [
        ("dispute", -1000, 1500, -2500),
        ("dispute_reversal", 1000, 0, 1000),
    ]
    assert client.v1.charges.retrieve(str(intent.latest_charge)).disputed
    assert client.v1.disputes.retrieve(dispute["id"]).status == "won"


def test_a_movement_leads_to_its_payment(client: stripe.StripeClient, control: RemoteControl) -> None:
    intent = captured(client)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    control.call("POST", "disputes", {"payment_intent": intent.id, "amount": 500})
    listed = client.v1.balance_transactions.list({"expand": ["data.source"]})
    sources = [item.source for item in listed.data]
    assert [getattr(source, "object", None) for source in sources] == [
        "dispute",
        "refund",
        "charge",
    ]
    assert {getattr(source, "payment_intent", None) for source in sources} == {intent.id}


def test_a_card_that_disputes_by_itself(client: stripe.StripeClient) -> None:
    captured(client, amount=1000, method="pm_card_createDispute")
    assert [category for category, *_ in movements(client)] == ["charge", "dispute"]


def test_any_other_movement(client: stripe.StripeClient, control: RemoteControl) -> None:
    movement = {
        "type": "stripe_fee",
        "reporting_category": "fee",
        "amount": -120,
        "currency": "usd",
        "description": "Radar",
    }
    booked = control.call("POST", "balance_transactions", movement)
    found = client.v1.balance_transactions.retrieve(booked["id"])
    assert (found.type, found.reporting_category, found.net) == ("stripe_fee", "fee", -120)
