"""What a failed call to the payment provider means, and what no message or log may say of it."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.adapters.http_pool import TOTAL_SECONDS, make_pool
from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderRefused, ProviderUnavailable
from lambdas.domain.payment import IntentState, StaleKey
from tests.adapters.endpoints import answering, http_answer, refusing_port
from tests.adapters.payments import (
    AMOUNT,
    API_KEY,
    ORDER_ID,
    PAYMENT_METHOD,
    REQUEST,
    create,
    payments_at,
    secret_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.stripe_payments import StripePayments
    from lambdas.domain.payment import Intent
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn

Step = tuple["Callable[[StripePayments, str], Intent]", IntentState, str]
STEPS: dict[str, Step] = {
    "confirm": (lambda p, i: p.confirm(ORDER_ID, i, 0), IntentState.AUTHORIZED, "confirm"),
    "capture": (lambda p, i: p.capture(ORDER_ID, i, AMOUNT, 0), IntentState.CAPTURED, "capture"),
    "void": (lambda p, i: p.void(ORDER_ID, i, 0), IntentState.CANCELED, "cancel"),
}
NEXT: dict[str, Callable[[StripePayments, str], Intent]] = {
    "confirm": lambda p, i: p.confirm(ORDER_ID, i, 1),
    "capture": lambda p, i: p.capture(ORDER_ID, i, AMOUNT, 1),
    "void": lambda p, i: p.void(ORDER_ID, i, 1),
}


@pytest.fixture
def payments(provider: PaymentStandIn) -> StripePayments:
    return payments_at(provider.url)


@pytest.fixture
def intent_id(payments: StripePayments, step: str) -> str:
    """A payment that waits for the step."""
    made = create(payments)
    if step != "confirm":
        payments.confirm(ORDER_ID, made, 0)
    return made


@pytest.mark.parametrize("step", STEPS)
def test_a_saved_500_makes_the_key_stale_and_the_next_generation_works(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str, step: str
) -> None:
    call, reached, path = STEPS[step]
    provider_control.fault("error_before", path=f"/v1/payment_intents/*/{path}", status=500)
    with pytest.raises(PaymentOutcomeUnknown):
        call(payments, intent_id)
    for _ in range(2):
        with pytest.raises(StaleKey):
            call(payments, intent_id)
    assert NEXT[step](payments, intent_id).state is reached


def test_a_saved_500_at_creation_makes_the_key_stale_and_the_next_generation_works(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    provider_control.fault("error_before", status=500)
    with pytest.raises(PaymentOutcomeUnknown):
        payments.create(REQUEST)
    with pytest.raises(StaleKey):
        payments.create(REQUEST)
    assert payments.create(replace(REQUEST, generation=1)).state is IntentState.UNCONFIRMED


def test_a_saved_refusal_that_no_longer_holds_makes_the_key_stale(payments: StripePayments) -> None:
    """A capture came before the confirmation; Stripe saves that 400 under the key for a day as well.

    https://docs.stripe.com/error-low-level: the same key again "returns the same 400".
    """
    intent_id = create(payments)
    payments.capture(ORDER_ID, intent_id, AMOUNT, 0)
    payments.confirm(ORDER_ID, intent_id, 0)
    with pytest.raises(StaleKey):
        payments.capture(ORDER_ID, intent_id, AMOUNT, 0)
    assert payments.capture(ORDER_ID, intent_id, AMOUNT, 1).state is IntentState.CAPTURED


def test_rate_limiting_means_unavailable_and_that_nothing_happened(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    provider_control.fault("rate_limit")
    with pytest.raises(ProviderUnavailable):
        payments.create(REQUEST)
    assert provider_control.call("GET", "intents")["intents"] == []


def test_a_key_that_another_call_is_using_means_unavailable() -> None:
    """https://docs.stripe.com/error-codes: `idempotency_key_in_use`, 409."""
    body = b'{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"in use"}}'
    with answering(http_answer(409, body)) as url, pytest.raises(ProviderUnavailable):
        payments_at(url).create(REQUEST)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http_answer(200, b'{"id": "pi_', 900),
        http_answer(200, b"<html>hello</html>"),
        http_answer(502, b"<html>bad gateway</html>"),
        http_answer(502, b"\xff\xfe\xe4"),
    ],
    ids=["cut", "torn", "no JSON", "proxy's page", "no UTF-8"],
)
def test_an_answer_that_cannot_be_read_is_unknown(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(PaymentOutcomeUnknown):
        payments_at(url).create(REQUEST)


def test_an_address_that_refuses_is_unknown_too() -> None:
    """It might be told from a lost answer, but nothing is won: the next try finds out either way."""
    with pytest.raises(PaymentOutcomeUnknown):
        payments_at(f"http://127.0.0.1:{refusing_port()}").create(REQUEST)


def test_an_outage_raises_for_reads_as_well(
    payments: StripePayments, provider_control: RemoteControl
) -> None:
    intent_id = create(payments)
    provider_control.call("POST", "down", {"seconds": 60})
    with pytest.raises(PaymentOutcomeUnknown):
        payments.find(intent_id)


def test_a_rotated_key_is_fetched_once_and_the_call_goes_on(
    provider: PaymentStandIn, provider_control: RemoteControl
) -> None:
    provider_control.call("POST", "credentials", {"accepted": ["sk_test_new"]})
    secret = secret_of(API_KEY, "sk_test_new")
    assert payments_at(provider.url, secret).create(REQUEST).state is IntentState.UNCONFIRMED
    assert secret.client.reads == 2


def test_a_key_that_stays_wrong_is_refused_after_one_fresh_one(
    provider: PaymentStandIn, provider_control: RemoteControl
) -> None:
    provider_control.call("POST", "credentials", {"accepted": ["sk_test_new"]})
    secret = secret_of(API_KEY)
    with pytest.raises(ProviderRefused):
        payments_at(provider.url, secret).create(REQUEST)
    assert secret.client.reads == 2
    assert provider_control.statistics()["outcomes"] == {"401": 2}


def test_a_key_without_the_permission_is_refused() -> None:
    body = b'{"error":{"type":"invalid_request_error","message":"this key may not"}}'
    with answering(http_answer(403, body)) as url, pytest.raises(ProviderRefused):
        payments_at(url).create(REQUEST)


def test_the_pipelines_pool_gives_up_within_a_functions_time_and_never_repeats() -> None:
    keywords = make_pool().connection_pool_kw
    assert keywords["timeout"].total == TOTAL_SECONDS == 8
    assert keywords["retries"].total is False


FAILURES: dict[str, dict[str, str | int | float]] = {
    "rate limit": {"kind": "rate_limit"},
    "500": {"kind": "error_before", "status": 500},
    "reset": {"kind": "reset_before"},
    "hang": {"kind": "hang_before", "seconds": 5},
    "wrong key": {},
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_message_and_no_log_holds_the_key_or_the_payment_method(
    provider: PaymentStandIn,
    provider_control: RemoteControl,
    caplog: pytest.LogCaptureFixture,
    failure: str,
    level: str,
) -> None:
    """The library logs each request, with the whole form at DEBUG; a trace prints every cause."""
    caplog.set_level(level)
    if rule := FAILURES[failure]:
        provider_control.call("POST", "faults", dict(rule))
    else:
        provider_control.call("POST", "credentials", {"accepted": ["sk_test_new"]})
    with pytest.raises((PaymentOutcomeUnknown, ProviderUnavailable, ProviderRefused)) as caught:
        payments_at(provider.url, patience=0.3).create(REQUEST)
    told = caplog.text + "".join(traceback.format_exception(caught.value))
    assert API_KEY not in told
    assert PAYMENT_METHOD not in told


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_no_log_of_a_payment_that_works_or_names_an_unknown_method_holds_either(
    payments: StripePayments, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    caplog.set_level(level)
    payments.confirm(ORDER_ID, create(payments), 0)
    payments.create(replace(REQUEST, payment_method="pm_of_a_customer", generation=1))
    assert API_KEY not in caplog.text
    assert PAYMENT_METHOD not in caplog.text
    assert "pm_of_a_customer" not in caplog.text
