"""Refunds through the official library at the project's stand-in: made, found again, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from lambdas.domain.identifiers import RefundId
from lambdas.domain.payment import ProviderRefund, RefundState
from tests.adapters.endpoints import answering, http_answer
from tests.adapters.payments import AMOUNT, API_KEY, ORDER_ID, REQUEST, captured, create, payments_at
from tests.adapters.refunds import NOTHING_FOUND, PART, REFUND_ID, REST, asked, error_of, refunded, refused

if TYPE_CHECKING:
    from lambdas.adapters.stripe_payments import StripePayments
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.stripe import PaymentStandIn


@pytest.fixture
def payments(provider: PaymentStandIn) -> StripePayments:
    return payments_at(provider.url)


@pytest.fixture
def intent_id(payments: StripePayments) -> str:
    """A payment of which the money was taken."""
    return captured(payments)


@pytest.fixture
def library(provider: PaymentStandIn) -> stripe.StripeClient:
    """The library by itself, as somebody else who uses the account."""
    return stripe.StripeClient(API_KEY, base_addresses={"api": provider.url}, max_network_retries=0)


def test_a_refund_gives_everything_back_and_is_found(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    refund = payments.refund(asked(intent_id))
    assert refund == ProviderRefund(refund.reference, RefundState.SUCCEEDED, AMOUNT, None)
    assert refund.reference.startswith("re_")
    assert refunded(provider_control) == AMOUNT.minor
    assert payments.find_refund(intent_id, REFUND_ID) == refund


def test_parts_are_refunded_until_nothing_is_left(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    part = payments.refund(asked(intent_id, PART))
    rest = replace(asked(intent_id, REST), refund_id=RefundId("ref_rest"))
    assert payments.refund(rest).state is RefundState.SUCCEEDED
    assert refunded(provider_control) == AMOUNT.minor
    assert payments.find_refund(intent_id, REFUND_ID) == part


def test_repeating_a_refund_moves_the_money_once(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    assert payments.refund(asked(intent_id, PART)) == payments.refund(asked(intent_id, PART))
    assert refunded(provider_control) == PART.minor


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("duplicate", "duplicate"),
        ("customer_request", "requested_by_customer"),
        ("returned", "requested_by_customer"),
        ("damaged", "requested_by_customer"),
        ("not_received", "requested_by_customer"),
        ("goodwill", None),
        ("pricing_error", None),
        ("other", None),
    ],
)
def test_a_refund_names_its_order_itself_and_a_reason_that_stripe_knows(
    payments: StripePayments, library: stripe.StripeClient, intent_id: str, ours: str, theirs: str | None
) -> None:
    made = payments.refund(replace(asked(intent_id), reason_code=ours))
    shown = library.v1.refunds.retrieve(made.reference)
    assert shown.metadata
    assert shown.metadata.to_dict() == {"order_id": ORDER_ID, "refund_id": REFUND_ID}
    assert shown.reason == theirs


def test_more_than_is_left_is_refused(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    payments.refund(replace(asked(intent_id, PART), refund_id=RefundId("ref_first")))
    assert payments.refund(asked(intent_id)) == refused(AMOUNT, "amount_too_large")
    assert refunded(provider_control) == PART.minor
    assert payments.find_refund(intent_id, REFUND_ID) is None


def test_what_is_refunded_already_is_refused(payments: StripePayments, intent_id: str) -> None:
    payments.refund(replace(asked(intent_id), refund_id=RefundId("ref_first")))
    assert payments.refund(asked(intent_id, PART)) == refused(PART, "charge_already_refunded")


def test_what_was_not_taken_is_not_refundable(payments: StripePayments) -> None:
    assert payments.refund(asked(create(payments))) == refused(AMOUNT, "charge_not_refundable")


def test_what_the_card_holder_disputes_is_refused(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    provider_control.call("POST", "disputes", {"payment_intent": intent_id, "amount": AMOUNT.minor})
    assert payments.refund(asked(intent_id)) == refused(AMOUNT, "charge_disputed")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"code": "refund_disputed_payment"}, "refund_disputed_payment"),
        ({"code": "amount_too_large", "param": "amount"}, "amount_too_large"),
        ({"param": "amount"}, "amount_too_large"),
    ],
)
def test_other_refusals_that_stripe_is_known_for(facts: dict[str, str], code: str) -> None:
    with answering(error_of(400, **facts), NOTHING_FOUND) as url:
        assert payments_at(url).refund(asked("pi_1")) == refused(AMOUNT, code)


def refund_body(**facts: str | None) -> dict[str, Any]:
    metadata = {"refund_id": REFUND_ID}
    return {"id": "re_1", "object": "refund", "amount": 500, "currency": "gbp", "metadata": metadata, **facts}


@pytest.mark.parametrize(
    ("facts", "state", "failure"),
    [
        ({"status": "succeeded"}, RefundState.SUCCEEDED, None),
        ({"status": "pending", "pending_reason": "insufficient_funds"}, RefundState.PENDING, None),
        ({"status": "requires_action"}, RefundState.PENDING, None),
        ({"status": "failed", "failure_reason": "declined"}, RefundState.FAILED, "declined"),
        ({"status": "failed"}, RefundState.FAILED, "failed"),
        ({"status": "canceled", "failure_reason": None}, RefundState.FAILED, "canceled"),
        ({"status": None}, RefundState.PENDING, None),
        ({"status": "a_new_one"}, RefundState.PENDING, None),
    ],
)
def test_a_refund_is_read_as_it_stands(
    facts: dict[str, str | None], state: RefundState, failure: str | None
) -> None:
    with answering(http_answer(200, json.dumps(refund_body(**facts)).encode())) as url:
        assert payments_at(url).refund(asked("pi_1", PART)) == ProviderRefund("re_1", state, PART, failure)


def test_a_refund_that_fails_afterwards_is_found_failed(
    payments: StripePayments, provider_control: RemoteControl, intent_id: str
) -> None:
    made = payments.refund(asked(intent_id))
    provider_control.call("POST", f"refunds/{made.reference}/fail")
    failed = replace(made, state=RefundState.FAILED, failure="expired_or_canceled_card")
    assert payments.find_refund(intent_id, REFUND_ID) == failed


def test_a_refund_is_found_behind_a_hundred_others_that_people_made_by_hand(
    payments: StripePayments, library: stripe.StripeClient, intent_id: str
) -> None:
    made = payments.refund(asked(intent_id, PART))
    for _ in range(100):
        library.v1.refunds.create({"payment_intent": intent_id, "amount": 1})
    assert payments.find_refund(intent_id, REFUND_ID) == made
    assert payments.find_refund(intent_id, RefundId("ref_none")) is None


def test_a_refund_of_another_payment_is_not_found(payments: StripePayments, intent_id: str) -> None:
    payments.refund(asked(intent_id))
    other = create(payments, replace(REQUEST, generation=1))
    assert payments.find_refund(other, REFUND_ID) is None
