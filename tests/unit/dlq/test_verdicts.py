"""The verdict on a failure, for everything that may be known of its order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.failure import MAX_APPLIES, FailureState
from lambdas.domain.identifiers import PlanId
from lambdas.domain.order import FulfillmentStatus, Order, PaymentStatus, Status
from lambdas.domain.refund import Refund, RefundStatus
from lambdas.domain.transitions import abandoned, cancellation_requested, completed, expiry_requested
from orders.dlq.verdicts import Evidence, Judgement, Verdict, judge, payment_matters
from orders.trace.model import NotRead, Payment, ProviderRefund
from tests.fakes.clock import START
from tests.fakes.failures_made import AT_FULFIL, a_failure
from tests.fakes.orders_made import AT, an_order
from tests.fakes.refunds_made import a_cancellation, a_refund

NOW = START + timedelta(minutes=5)
FAILURE = replace(a_failure(context=AT_FULFIL), order_id=an_order().order_id)
REFUND_FAILURE = replace(FAILURE, refund_id=a_refund().refund_id)

RESERVED = FulfillmentStatus.RESERVED
RELEASED = FulfillmentStatus.RELEASED
SAFE, REVIEW = Verdict.SAFE, Verdict.NEEDS_REVIEW
REJECTED, DONE = Verdict.WOULD_BE_REJECTED, Verdict.ALREADY_DONE


def waiting(**changes: Any) -> Order:
    """An order that waits for a person; with a payment unless it says otherwise."""
    facts = {"status": Status.ATTENTION_REQUIRED, "payment_intent": "pi_1"}
    return an_order(**(facts | changes))


def reserved(**changes: Any) -> Order:
    facts = {"payment_status": PaymentStatus.AUTHORIZED, "fulfillment_status": RESERVED}
    return waiting(**(facts | changes))


def paid(status: str, **changes: Any) -> Payment:
    values: dict[str, Any] = {
        "intent_id": "pi_1",
        "status": status,
        "amount": 900,
        "captured": 900 if status == "succeeded" else 0,
        "capturable": 900 if status == "requires_capture" else 0,
        "created_at": START,
    }
    return Payment(**(values | changes))


HELD = paid("requires_capture")
TAKEN = paid("succeeded")


def verdict(order: Order | None, **facts: Any) -> tuple[Verdict, str]:
    judgement = judge(facts.pop("failure", FAILURE), Evidence(order=order, **facts), NOW)
    return judgement.verdict, judgement.reason


@pytest.mark.parametrize(
    ("order", "payment", "expected"),
    [
        (waiting(payment_intent=None), None, (SAFE, "goes_on_from_start")),
        (waiting(), HELD, (SAFE, "goes_on_from_payment")),
        (waiting(), paid("requires_confirmation"), (SAFE, "goes_on_from_payment")),
        (reserved(), HELD, (SAFE, "goes_on_from_reserved")),
        (reserved(), TAKEN, (SAFE, "goes_on_from_reserved")),
        (reserved(payment_status=PaymentStatus.CAPTURED), TAKEN, (SAFE, "goes_on_from_reserved")),
        (reserved(payment_status=PaymentStatus.CAPTURED), HELD, (REVIEW, "captured_but_not_at_provider")),
        (reserved(), paid("succeeded", captured=500), (REVIEW, "captured_in_part")),
        (reserved(), paid("canceled"), (REVIEW, "canceled_after_reservation")),
        (reserved(), paid("requires_payment_method"), (REVIEW, "requires_payment_method_after_reservation")),
        (reserved(payment_status=PaymentStatus.EXPIRED), None, (REVIEW, "payment_expired_after_shipment")),
        (waiting(payment_status=PaymentStatus.CAPTURED), TAKEN, (REVIEW, "captured_by_hand")),
        (waiting(), TAKEN, (REVIEW, "captured_by_hand")),
        (
            waiting(payment_status=PaymentStatus.CAPTURED, fulfillment_status=RELEASED),
            TAKEN,
            (REVIEW, "captured_after_release"),
        ),
        (waiting(fulfillment_status=RELEASED), TAKEN, (REVIEW, "captured_after_release")),
        (waiting(fulfillment_status=RELEASED), HELD, (REJECTED, "shipment_refused")),
        (waiting(), paid("canceled"), (REJECTED, "authorization_expired")),
        (
            waiting(),
            paid("requires_payment_method", decline_code="lost_card"),
            (REJECTED, "payment_declined:lost_card"),
        ),
        (waiting(), paid("processing"), (REVIEW, "payment_processing")),
        (waiting(), None, (REVIEW, "payment_not_at_provider")),
        (waiting(), NotRead("no key"), (REVIEW, "provider_not_read")),
        (waiting(), paid("requires_capture", amount=901), (REVIEW, "payment_of_another_amount")),
        (reserved(), paid("succeeded", disputed=True), (REVIEW, "payment_disputed")),
    ],
)
def test_what_the_payment_says(
    order: Order, payment: Payment | NotRead | None, expected: tuple[Verdict, str]
) -> None:
    assert verdict(order, payment=payment) == expected


@pytest.mark.parametrize(
    ("stopped", "reason"),
    [
        (cancellation_requested(waiting(), AT, a_cancellation()), "cancelled"),
        (expiry_requested(waiting(), AT), "authorization_expiring"),
        (abandoned(reserved(), AT), "abandoned_by_operator"),
    ],
)
def test_an_order_that_is_to_end_would_be_rejected(stopped: Order, reason: str) -> None:
    assert verdict(stopped, payment=HELD) == (REJECTED, reason)


def test_goods_that_cannot_be_sold_would_be_rejected() -> None:
    order = waiting(payment_intent=None)
    assert verdict(order, withdrawn=True) == (REJECTED, "product_withdrawn")
    assert verdict(order, short=True) == (REJECTED, "out_of_stock")


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.REJECTED, Status.CANCELLED])
def test_what_has_ended_is_done(status: Status) -> None:
    assert verdict(an_order(status=status)) == (DONE, f"order_{status}")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (FailureState.RESOLVED, (DONE, "resolved")),
        (FailureState.DISCARDED, (DONE, "discarded")),
        (FailureState.QUARANTINED, (REVIEW, "quarantined")),
        (FailureState.REPLAYING, (REVIEW, "being_replayed")),
    ],
)
def test_what_the_failures_own_state_says(state: FailureState, expected: tuple[Verdict, str]) -> None:
    assert verdict(reserved(), payment=HELD, failure=replace(FAILURE, state=state)) == expected


def test_an_order_that_was_replayed_often_enough_needs_review() -> None:
    worn = replace(FAILURE, applies=MAX_APPLIES)
    assert verdict(reserved(), payment=HELD, failure=worn) == (REVIEW, "replayed_3_times")


def test_a_live_claim_needs_review_and_a_dead_one_does_not() -> None:
    now = int(NOW.timestamp())
    assert verdict(reserved(claim="x", claim_until=now), payment=HELD) == (REVIEW, "claimed")
    assert verdict(reserved(claim="x", claim_until=now - 1), payment=HELD)[0] is SAFE


def test_what_cannot_be_read_or_found_needs_review() -> None:
    assert verdict(None) == (REVIEW, "order_not_found")
    assert verdict(None, readable=False) == (REVIEW, "order_unreadable")
    assert verdict(None, failure=replace(FAILURE, order_id=None)) == (REVIEW, "unreadable")


def test_a_ledger_that_says_otherwise_needs_review() -> None:
    ahead = {"payment": HELD, "booked": frozenset({1})}
    assert verdict(reserved(), **ahead) == (REVIEW, "ledger_contradicts")
    sold = completed(an_order(payment_intent="pi_1"), AT)
    refund = {"failure": REFUND_FAILURE, "refund": a_refund(), "payment": TAKEN}
    assert verdict(sold, **refund, booked=frozenset()) == (REVIEW, "ledger_contradicts")
    assert verdict(sold, **refund, booked=frozenset({1, 2})) == (REVIEW, "ledger_contradicts")


def test_an_event_that_was_not_published_is_not_done() -> None:
    context = replace(AT_FULFIL, step="publish")
    failure = replace(FAILURE, context=context, plan_id=PlanId("plan_a"))
    sold, booked = completed(an_order(), AT), frozenset({1})
    assert verdict(sold, failure=failure, booked=booked) == (SAFE, "to_be_published")
    through = verdict(sold, failure=failure, booked=booked, came_through=True)
    assert through == (DONE, "order_completed")


def a_provider_refund(status: str = "succeeded", amount: int = 450) -> ProviderRefund:
    return ProviderRefund("re_1", status, amount, START, a_refund().refund_id)


@pytest.mark.parametrize(
    ("refund", "payment", "expected"),
    [
        (a_refund(status=RefundStatus.ATTENTION_REQUIRED), TAKEN, (SAFE, "refund_attention_required")),
        (a_refund(), TAKEN, (SAFE, "refund_requested")),
        (a_refund(), replace(TAKEN, refunds=(a_provider_refund(),)), (SAFE, "refund_requested")),
        (a_refund(status=RefundStatus.SUCCEEDED), None, (DONE, "refund_succeeded")),
        (a_refund(status=RefundStatus.FAILED), None, (DONE, "refund_failed")),
        (a_refund(status=RefundStatus.SUCCEEDED, restock=True), TAKEN, (SAFE, "refund_succeeded")),
        (
            a_refund(),
            replace(TAKEN, refunds=(a_provider_refund("failed"),)),
            (REJECTED, "refund_failed_at_provider"),
        ),
        (
            a_refund(),
            replace(TAKEN, refunds=(a_provider_refund(amount=451),)),
            (REVIEW, "refund_of_another_amount_at_provider"),
        ),
        (a_refund(), replace(TAKEN, captured=449), (REJECTED, "refund_above_what_is_left")),
        (a_refund(), replace(TAKEN, disputed=True), (REVIEW, "payment_disputed")),
        (a_refund(), HELD, (REVIEW, "payment_requires_capture")),
        (a_refund(), NotRead("down"), (REVIEW, "provider_not_read")),
        (a_refund(), None, (REVIEW, "payment_not_at_provider")),
        (None, TAKEN, (REVIEW, "refund_not_found")),
    ],
)
def test_a_refund(
    refund: Refund | None, payment: Payment | NotRead | None, expected: tuple[Verdict, str]
) -> None:
    sold = completed(an_order(payment_intent="pi_1"), AT)
    facts = {"failure": REFUND_FAILURE, "refund": refund, "payment": payment}
    assert verdict(sold, **facts, booked=frozenset({1})) == expected


def test_a_refund_of_an_order_that_is_not_sold_needs_review() -> None:
    facts = {"failure": REFUND_FAILURE, "refund": a_refund(), "payment": HELD}
    assert verdict(reserved(), **facts) == (REVIEW, "order_not_completed")


def test_the_provider_is_asked_only_where_it_may_say_something() -> None:
    sold = completed(an_order(payment_intent="pi_1"), AT)
    assert payment_matters(FAILURE, waiting())
    assert payment_matters(REFUND_FAILURE, sold)
    assert not payment_matters(FAILURE, sold)
    assert not payment_matters(FAILURE, waiting(payment_intent=None))
    assert not payment_matters(FAILURE, None)
    assert not payment_matters(replace(FAILURE, state=FailureState.RESOLVED), waiting())


def test_a_judgement_is_a_verdict_with_its_reason() -> None:
    assert judge(FAILURE, Evidence(), NOW) == Judgement(REVIEW, "order_not_found")
