"""Asking provider and warehouse about an order, without changing anything there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe
import urllib3

from orders.trace.model import NotRead, Payment, Shipment
from orders.trace.payment import read_payment
from orders.trace.shipment import read_shipment
from tests.standins.payments import authorised, captured, created

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn
    from orders.local.standins.warehouse import WarehouseStandIn

KEY = "sk_test_reader"
ORDER = "ord_" + "a" * 26
REFUND = "ref_" + "b" * 26


@pytest.fixture
def shop(provider: PaymentStandIn) -> Iterator[stripe.StripeClient]:
    """Somebody who takes payments."""
    http = stripe.RequestsClient()
    yield stripe.StripeClient(KEY, base_addresses={"api": provider.url}, http_client=http)
    http.close()  # type: ignore[no-untyped-call] # theirs


def payment(provider: PaymentStandIn, intent: stripe.PaymentIntent) -> Payment:
    """Read a payment that is there."""
    read = read_payment(provider.url, KEY, intent.id)
    assert isinstance(read, Payment)
    return read


def test_a_captured_payment_has_its_charge_fee_and_refunds(
    provider: PaymentStandIn, shop: stripe.StripeClient
) -> None:
    intent = captured(shop, amount=2000, order_id=ORDER)
    for amount, ours in ((500, {"refund_id": REFUND}), (300, {})):
        shop.v1.refunds.create({"payment_intent": intent.id, "amount": amount, "metadata": ours})
    read = payment(provider, intent)
    assert (read.status, read.amount, read.captured, read.capturable) == ("succeeded", 2000, 2000, 0)
    assert read.charge == intent.latest_charge
    assert read.fee is not None
    assert read.net == 2000 - read.fee
    assert read.refunded == 800
    assert {(r.amount, r.refund_id) for r in read.refunds} == {(500, REFUND), (300, None)}
    assert not read.disputed


def test_many_refunds_are_read_page_by_page(provider: PaymentStandIn, shop: stripe.StripeClient) -> None:
    intent = captured(shop, amount=2000, order_id=ORDER)
    for _ in range(105):
        shop.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    assert payment(provider, intent).refunded == 105


def test_a_payment_that_was_not_taken_says_what_is_held_or_why_not(
    provider: PaymentStandIn, shop: stripe.StripeClient
) -> None:
    held = payment(provider, authorised(shop, amount=900, order_id=ORDER))
    assert (held.status, held.captured, held.capturable, held.fee) == ("requires_capture", 0, 900, None)
    begun = payment(provider, created(shop, amount=900, order_id=ORDER))
    assert (begun.status, begun.capturable, begun.charge) == ("requires_confirmation", 0, None)
    poor = created(shop, method="pm_card_visa_chargeDeclinedInsufficientFunds", order_id=ORDER)
    with pytest.raises(stripe.CardError):
        shop.v1.payment_intents.confirm(poor.id)
    assert payment(provider, poor).decline_code == "insufficient_funds"


def test_reading_changes_nothing(
    provider: PaymentStandIn, shop: stripe.StripeClient, provider_control: RemoteControl
) -> None:
    intent = captured(shop, order_id=ORDER)
    provider_control.call("DELETE", "statistics")
    payment(provider, intent)
    assert {name.split()[0] for name in provider_control.statistics()["endpoints"]} == {"GET"}


def test_a_payment_that_the_provider_does_not_know_is_none(provider: PaymentStandIn) -> None:
    assert read_payment(provider.url, KEY, "pi_unknown") is None


def test_a_key_that_is_refused_is_not_shown(provider: PaymentStandIn, shop: stripe.StripeClient) -> None:
    intent = captured(shop, order_id=ORDER)
    read = read_payment(provider.url, "a made-up placeholder", intent.id)
    assert read == NotRead("the provider refuses the key in its secret (401)")


def test_a_provider_that_is_down_or_gone_is_said(
    provider: PaymentStandIn, shop: stripe.StripeClient, provider_control: RemoteControl
) -> None:
    intent = captured(shop, order_id=ORDER)
    provider_control.call("POST", "down", {"seconds": 60, "status": 503})
    assert read_payment(provider.url, KEY, intent.id) == NotRead(
        "the provider did not answer (APIError, 503)"
    )
    gone = read_payment("http://127.0.0.1:9", KEY, intent.id)
    assert gone == NotRead("the provider did not answer (APIConnectionError, no status)")


def test_a_shipment_has_its_quantities(depot: WarehouseStandIn) -> None:
    ship(depot, {"MUG": 2, "TEA": 1})
    read = read_shipment(depot.url, "token", ORDER)
    assert isinstance(read, Shipment)
    assert (read.status, read.quantities, read.stands) == ("accepted", {"MUG": 2, "TEA": 1}, True)
    assert read.accepted_at is not None


def test_no_shipment_is_none_and_a_cancelled_one_does_not_stand(depot: WarehouseStandIn) -> None:
    assert read_shipment(depot.url, "token", ORDER) is None
    call(depot, "DELETE")
    read = read_shipment(depot.url, "token", ORDER)
    assert isinstance(read, Shipment)
    assert (read.stands, read.quantities, read.accepted_at) == (False, {}, None)


def test_a_warehouse_that_refuses_or_is_gone_is_said(
    depot: WarehouseStandIn, depot_control: RemoteControl
) -> None:
    depot_control.call("POST", "credentials", {"accepted": ["another"]})
    refused = read_shipment(depot.url, "token", ORDER)
    assert refused == NotRead("the warehouse refuses the token in its secret (401)")
    depot_control.call("POST", "down", {"seconds": 60, "status": 502})
    assert read_shipment(depot.url, "token", ORDER) == NotRead("the warehouse answered 502")
    gone = read_shipment("http://127.0.0.1:9", "token", ORDER)
    assert isinstance(gone, NotRead)
    assert "did not answer" in gone.why
    unsendable = read_shipment(depot.url, "secret\nvalue", ORDER)
    assert unsendable == NotRead("the warehouse's token cannot be sent as a header")


def ship(depot: WarehouseStandIn, quantities: dict[str, int]) -> None:
    """Book a shipment."""
    call(depot, "PUT", {"lines": [{"sku": sku, "quantity": n} for sku, n in quantities.items()]})


def call(depot: WarehouseStandIn, method: str, body: object = None) -> None:
    """Call the warehouse as the pipeline does."""
    answer = urllib3.PoolManager().request(
        method, f"{depot.url}/shipments/{ORDER}", json=body, headers={"Authorization": "Bearer token"}
    )
    assert answer.status < 300
