"""Faults, and what the official library makes of each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import stripe

from orders.local.standins.remote import ControlFailedError, RemoteControl
from tests.standins.payments import authorised, created

if TYPE_CHECKING:
    from orders.local.standins.stripe import PaymentStandIn
    from tests.standins.conftest import Library

CAPTURE = "/v1/payment_intents/*/capture"


def capture_fails(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "capture"})
    return caught.value


@pytest.mark.parametrize(
    ("kind", "effect"), [("hang_before", "requires_capture"), ("hang_after", "succeeded")]
)
def test_a_timeout_hides_whether_it_was_charged(
    provider: PaymentStandIn,
    library: Library,
    client: stripe.StripeClient,
    control: RemoteControl,
    kind: str,
    effect: str,
) -> None:
    intent = authorised(client)
    control.fault(kind, path=CAPTURE, seconds=30)
    error = capture_fails(library.client(provider.url, timeout=0.3), intent)
    assert isinstance(error, stripe.APIConnectionError)
    assert client.v1.payment_intents.retrieve(intent.id).status == effect


def test_after_a_timeout_the_key_gives_the_answer(
    provider: PaymentStandIn, library: Library, client: stripe.StripeClient, control: RemoteControl
) -> None:
    intent = authorised(client)
    control.fault("hang_after", path=CAPTURE, seconds=30)
    capture_fails(library.client(provider.url, timeout=0.3), intent)
    again = client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "capture"})
    assert (again.status, again.amount_received) == ("succeeded", 2000)
    assert control.call("GET", "intents")["totals"]["usd"]["captured"] == 2000


@pytest.mark.parametrize(
    ("kind", "effect"), [("reset_before", "requires_capture"), ("reset_after", "succeeded")]
)
def test_a_reset(client: stripe.StripeClient, control: RemoteControl, kind: str, effect: str) -> None:
    intent = authorised(client)
    control.fault(kind, method="POST", path=CAPTURE)
    assert isinstance(capture_fails(client, intent), stripe.APIConnectionError)
    assert client.v1.payment_intents.retrieve(intent.id).status == effect


@pytest.mark.parametrize(("kind", "raised"), [("torn", "APIConnectionError"), ("garbled", "APIError")])
def test_an_answer_that_cannot_be_read_hides_the_effect(
    client: stripe.StripeClient, control: RemoteControl, kind: str, raised: str
) -> None:
    intent = authorised(client)
    control.fault(kind, path=CAPTURE)
    assert type(capture_fails(client, intent)).__name__ == raised
    assert client.v1.payment_intents.retrieve(intent.id).amount_received == 2000


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("kind", "effect"), [("error_before", "requires_capture"), ("error_after", "succeeded")]
)
def test_an_error_of_the_provider(
    client: stripe.StripeClient, control: RemoteControl, status: int, kind: str, effect: str
) -> None:
    intent = authorised(client)
    control.fault(kind, path=CAPTURE, status=status)
    error = capture_fails(client, intent)
    assert isinstance(error, stripe.APIError)
    assert error.http_status == status
    assert client.v1.payment_intents.retrieve(intent.id).status == effect


@pytest.mark.parametrize(("status", "answers"), [(500, [500, 500]), (503, [503, 200])])
def test_what_the_key_gives_after_an_error_that_hid_the_effect(
    client: stripe.StripeClient, control: RemoteControl, status: int, answers: list[int]
) -> None:
    intent = authorised(client)
    control.fault("error_after", path=CAPTURE, status=status)
    given: list[int | None] = []
    for _ in range(2):
        try:
            client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "capture"})
            given.append(200)
        except stripe.APIError as error:
            given.append(error.http_status)
    assert given == answers
    assert client.v1.payment_intents.retrieve(intent.id).amount_received == 2000


def test_a_rate_limit(client: stripe.StripeClient, control: RemoteControl) -> None:
    intent = authorised(client)
    control.fault("rate_limit", path=CAPTURE, retry_after=7)
    error = capture_fails(client, intent)
    assert isinstance(error, stripe.RateLimitError)
    assert error.headers is not None
    assert error.headers["Retry-After"] == "7"
    assert client.v1.payment_intents.capture(intent.id).status == "succeeded"


def test_a_rule_hits_the_calls_that_it_names(client: stripe.StripeClient, control: RemoteControl) -> None:
    one, other = authorised(client, order_id="ord_1"), authorised(client, order_id="ord_2")
    control.fault("error_before", status=503, order_id="ord_2", count=2, skip=1)
    assert client.v1.payment_intents.capture(one.id).status == "succeeded"
    statuses: list[int | None] = []
    for _ in range(4):
        try:
            client.v1.payment_intents.retrieve(other.id)
            statuses.append(200)
        except stripe.APIError as error:
            statuses.append(error.http_status)
    assert statuses == [200, 503, 503, 200]
    assert control.call("GET", "faults")["faults"] == []


def test_a_rule_finds_the_order_of_a_create_and_of_a_refund(
    client: stripe.StripeClient, control: RemoteControl
) -> None:
    intent = authorised(client)
    client.v1.payment_intents.capture(intent.id)
    control.fault("rate_limit", order_id="ord_1", path="/v1/refunds")
    control.fault("rate_limit", order_id="ord_9")
    with pytest.raises(stripe.RateLimitError):
        client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.RateLimitError):
        created(client, order_id="ord_9")


@pytest.mark.parametrize(("status", "raised"), [(503, "APIError"), (None, "APIConnectionError")])
def test_down_for_a_while(
    client: stripe.StripeClient, control: RemoteControl, status: int | None, raised: str
) -> None:
    intent = created(client)
    control.call("POST", "down", {"seconds": 60, "status": status})
    for _ in range(2):
        with pytest.raises(stripe.StripeError) as caught:
            client.v1.payment_intents.retrieve(intent.id)
        assert type(caught.value).__name__ == raised
    assert control.call("GET", "faults")["down_for"] > 50
    control.call("DELETE", "down")
    assert client.v1.payment_intents.retrieve(intent.id) == intent


def test_an_outage_ends_by_itself(client: stripe.StripeClient, control: RemoteControl) -> None:
    intent = created(client)
    control.call("POST", "down", {"seconds": 0})
    assert client.v1.payment_intents.retrieve(intent.id) == intent


def test_latency_holds_every_call(client: stripe.StripeClient, control: RemoteControl) -> None:
    control.call("POST", "latency", {"seconds": 0.2})
    began = time.monotonic()
    created(client)
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    "rule", [{"kind": "explode"}, {"kind": "slow", "count": 0}, {"kind": "slow", "colour": 1}, {}]
)
def test_a_rule_that_cannot_be_is_refused(control: RemoteControl, rule: dict[str, object]) -> None:
    with pytest.raises(ControlFailedError):
        control.call("POST", "faults", rule)
    assert control.call("GET", "faults")["faults"] == []


def test_statistics_count_calls_per_endpoint(client: stripe.StripeClient, control: RemoteControl) -> None:
    intent = authorised(client)
    client.v1.payment_intents.retrieve(intent.id)
    control.fault("rate_limit")
    with pytest.raises(stripe.RateLimitError):
        client.v1.payment_intents.retrieve(intent.id)
    counted = control.statistics()
    assert counted["endpoints"] == {
        "GET /v1/payment_intents/{id}": 2,
        "POST /v1/payment_intents": 1,
        "POST /v1/payment_intents/{id}/confirm": 1,
    }
    assert (counted["calls"], counted["outcomes"]) == (4, {"200": 3, "429": 1})
    assert 1 <= counted["peak_per_second"] <= 4
    assert control.call("DELETE", "statistics")["calls"] == 0


def test_the_list_of_intents_has_totals_per_currency(
    client: stripe.StripeClient, control: RemoteControl
) -> None:
    held = authorised(client, order_id="ord_1")
    paid = authorised(client, order_id="ord_2", amount=3000)
    client.v1.payment_intents.capture(paid.id)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 500})
    created(client, order_id="ord_3", currency="eur")
    listed = control.call("GET", "intents")
    assert listed["totals"] == {
        "usd": {"intents": 2, "authorised": 2000, "captured": 3000, "refunded": 500},
        "eur": {"intents": 1, "authorised": 0, "captured": 0, "refunded": 0},
    }
    (line,) = control.call("GET", "intents?order_id=ord_2")["intents"]
    assert (line["id"], line["captured"], line["refunded"]) == (paid.id, 3000, 500)
    page = control.call("GET", "intents?limit=1")
    assert page["has_more"]
    rest = control.call("GET", f"intents?after={page['intents'][0]['id']}")
    assert [item["id"] for item in rest["intents"]] == [paid.id, held.id]


def test_reset_forgets_everything(client: stripe.StripeClient, control: RemoteControl) -> None:
    intent = authorised(client)
    control.fault("rate_limit")
    control.reset()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve(intent.id)
    assert caught.value.code == "resource_missing"
    assert control.call("GET", "intents") == {"intents": [], "has_more": False, "totals": {}}
    assert control.statistics()["calls"] == 1


def test_an_unknown_control_call(control: RemoteControl) -> None:
    with pytest.raises(ControlFailedError, match="no control call"):
        control.call("POST", "earthquake")
