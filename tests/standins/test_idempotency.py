"""Idempotency keys: replay, mismatch, keys in use, and what is not kept."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
import stripe

from tests.standins.conftest import API_KEY
from tests.standins.payments import authorised, created

if TYPE_CHECKING:
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn

PARAMS: stripe.params.PaymentIntentCreateParams = {
    "amount": 1000,
    "currency": "usd",
    "allowed_payment_method_types": ["card"],
    "payment_method": "pm_card_visa",
}
KEY: stripe.RequestOptions = {"idempotency_key": "key-1"}


def test_the_same_key_gives_the_same_answer(client: stripe.StripeClient) -> None:
    first = client.v1.payment_intents.create(PARAMS, KEY)
    again = client.v1.payment_intents.create(PARAMS, KEY)
    assert again == first
    assert first.last_response is not None
    assert again.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.payment_intents.list().data) == 1


def test_the_saved_answer_is_given_even_if_the_state_moved_on(client: stripe.StripeClient) -> None:
    intent = authorised(client)
    first = client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "capture"})
    client.v1.refunds.create({"payment_intent": intent.id})
    assert client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "capture"}) == first


def test_other_parameters_are_a_mismatch(client: stripe.StripeClient) -> None:
    client.v1.payment_intents.create(PARAMS, KEY)
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as caught:
        client.v1.payment_intents.create({**PARAMS, "amount": 1001}, KEY)
    assert caught.value.http_status == 400
    assert caught.value.error is not None
    assert caught.value.error.type == "idempotency_error"
    assert len(client.v1.payment_intents.list().data) == 1


def test_another_endpoint_is_a_mismatch(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(PARAMS, KEY)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.payment_intents.cancel(intent.id, {}, KEY)


def test_a_decline_is_kept(client: stripe.StripeClient) -> None:
    intent = created(client, method="pm_card_chargeDeclined")
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            client.v1.payment_intents.confirm(intent.id, {}, KEY)
    assert caught.value.headers is not None
    assert caught.value.headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_a_500_is_kept(client: stripe.StripeClient, control: RemoteControl) -> None:
    control.fault("error_before", status=500)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.payment_intents.create(PARAMS, KEY)
        assert caught.value.http_status == 500
    assert caught.value.headers is not None
    assert caught.value.headers["Idempotent-Replayed"] == "true"
    assert client.v1.payment_intents.create(PARAMS, {"idempotency_key": "key-2"}).id


@pytest.mark.parametrize("kind", ["rate_limit", "error_before"])
def test_a_429_and_a_503_are_not_kept(client: stripe.StripeClient, control: RemoteControl, kind: str) -> None:
    control.fault(kind, status=503)
    with pytest.raises(stripe.StripeError):
        client.v1.payment_intents.create(PARAMS, KEY)
    assert client.v1.payment_intents.create(PARAMS, KEY).status == "requires_confirmation"


def test_a_request_that_could_not_be_valid_does_not_use_the_key(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({**PARAMS, "amount": 1}, KEY)
    assert client.v1.payment_intents.create(PARAMS, KEY).amount == 1000


def test_a_key_is_kept_for_a_day(client: stripe.StripeClient, control: RemoteControl) -> None:
    first = client.v1.payment_intents.create(PARAMS, KEY)
    control.call("POST", "advance", {"seconds": 24 * 3600 - 60})
    assert client.v1.payment_intents.create(PARAMS, KEY).id == first.id
    control.call("POST", "advance", {"seconds": 61})
    assert client.v1.payment_intents.create(PARAMS, KEY).id != first.id


def test_keys_can_be_forgotten(client: stripe.StripeClient, control: RemoteControl) -> None:
    first = client.v1.payment_intents.create(PARAMS, KEY)
    assert control.call("DELETE", "idempotency-keys") == {"forgotten": 1}
    assert client.v1.payment_intents.create(PARAMS, KEY).id != first.id


def test_a_key_that_is_too_long(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        client.v1.payment_intents.create(PARAMS, {"idempotency_key": "k" * 256})


def race(url: str, calls: int) -> list[tuple[int, str | None]]:
    """Calls with one key at once: status and intent id, or error code."""
    barrier = Barrier(calls)

    def call(_: int) -> tuple[int, str | None]:
        http_client = stripe.RequestsClient(timeout=10)
        client = stripe.StripeClient(
            API_KEY, base_addresses={"api": url}, max_network_retries=0, http_client=http_client
        )
        barrier.wait()
        try:
            return 200, client.v1.payment_intents.create(PARAMS, KEY).id
        except stripe.APIError as error:
            return error.http_status or 0, error.error.code if error.error else None
        finally:
            http_client.close()  # type: ignore[no-untyped-call]

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(call, range(calls)))


def test_fifty_at_once_make_one_object(provider: PaymentStandIn, client: stripe.StripeClient) -> None:
    answers = Counter(race(provider.url, 50))
    (only,) = client.v1.payment_intents.list().data
    assert set(answers) <= {(200, only.id), (409, "idempotency_key_in_use")}
    assert answers[(200, only.id)] >= 1


def test_a_key_is_in_use_while_its_first_call_runs(
    provider: PaymentStandIn, client: stripe.StripeClient, control: RemoteControl
) -> None:
    control.fault("slow", seconds=0.3)
    answers = Counter(race(provider.url, 5))
    (only,) = client.v1.payment_intents.list().data
    assert answers == {(200, only.id): 1, (409, "idempotency_key_in_use"): 4}
