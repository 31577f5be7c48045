from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import (
    ClaimLost,
    OrderCorrupt,
    OrderNotFound,
    PaymentOutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.ledger import RECEIVABLE, SALES, SALES_TAX
from lambdas.domain.order import PaymentStatus, RefundSums
from lambdas.domain.refund import RefundStatus
from tests.contract.schemas import errors
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.pipeline import CLAIM_SECONDS, Pipeline
from tests.fakes.provider_refunds import PENDING, failed_with, refused_with
from tests.fakes.refunding import CLAIM, claimed, sold, stored

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = PaymentOutcomeUnknown("timeout")
DOWN = StoreUnavailable("timeout")


@pytest.fixture
def order_id(pipeline: Pipeline) -> OrderId:
    """A sold order of 9.00 with a tax of 1.50."""
    return sold(pipeline)


def assert_refunded_once(pipeline: Pipeline, order_id: OrderId, refund_id: RefundId, amount: int) -> None:
    """The money went back once, is booked once, and the head knows it."""
    assert len(pipeline.payments.refunds.all_of(refund_id)) == 1
    assert pipeline.payments.refunded_total == amount
    assert sorted(pipeline.journal.entries) == [(order_id, 1), (order_id, 2)]
    assert pipeline.head(order_id).refunds.refunded == amount
    assert stored(pipeline, refund_id).status is RefundStatus.SUCCEEDED


def test_the_money_goes_back_and_is_booked_with_its_tax(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id, amount=450)
    pipeline.clock.advance(60)
    result = pipeline.refund(order_id, refund_id, CLAIM)
    assert (result["outcome"], result["event"]["id"]) == ("refunded", f"{refund_id}.succeeded")
    head, refund = pipeline.head(order_id), stored(pipeline, refund_id)
    assert (head.payment_status, head.claim) == (PaymentStatus.PARTIALLY_REFUNDED, None)
    assert head.refunds == RefundSums(reserved=450, refunded=450, tax=75, unfinished=0)
    assert not head.open
    assert (refund.psp_reference, refund.updated_at) == ("re_0001", pipeline.clock.text)
    entry = pipeline.journal.entries[order_id, 2]
    assert {p.account: p.amount for p in entry.postings} == {RECEIVABLE: -450, SALES: 375, SALES_TAX: 75}
    assert (entry.psp_reference, entry.event_id) == ("re_0001", f"{refund_id}.succeeded")
    assert entry.reverses == pipeline.journal.entries[order_id, 1].entry_id
    assert_refunded_once(pipeline, order_id, refund_id, 450)


def test_all_of_it_can_go_back(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.refund(order_id, refund_id, CLAIM)
    head = pipeline.head(order_id)
    assert (head.payment_status, head.refunds.tax) == (PaymentStatus.REFUNDED, head.tax)


def test_two_refunds_have_entries_two_and_three(pipeline: Pipeline, order_id: OrderId) -> None:
    for key in "ab":
        refund_id = claimed(pipeline, order_id, key, amount=100)
        pipeline.refund(order_id, refund_id, CLAIM)
    assert sorted(no for _, no in pipeline.journal.entries) == [1, 2, 3]
    assert pipeline.head(order_id).refunds.refunded == 200


def test_the_provider_is_asked_whether_it_has_the_refund_first(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    calls = len(pipeline.payments.calls)
    pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.payments.calls[calls:] == [("find_refund", refund_id), ("refund", refund_id)]


def test_goods_that_are_to_come_back_keep_the_claim_for_the_next_step(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id, restock=True)
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "to_restock"
    head = pipeline.head(order_id)
    assert (head.claim, head.open, head.refunds.unfinished) == (CLAIM, True, 1)
    assert pipeline.inventory.on_hand("TEA") == 98


def test_a_step_that_runs_again_gives_nothing_more_back(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    first = pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.refund(order_id, refund_id, CLAIM) == first
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def test_a_step_that_runs_again_before_the_goods_are_back_goes_on_there(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id, restock=True)
    pipeline.refund(order_id, refund_id, CLAIM)
    calls = len(pipeline.payments.calls)
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "to_restock"
    assert len(pipeline.payments.calls) == calls
    assert_refunded_once(pipeline, order_id, refund_id, 900)


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
@pytest.mark.parametrize("operation", ["refund", "find_refund"])
def test_a_refund_whose_outcome_is_not_known_is_found_by_the_next_try(
    pipeline: Pipeline, order_id: OrderId, operation: str, fault: Callable[[Exception], Fault]
) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.payments.faults.plan(operation, fault(UNKNOWN))
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert stored(pipeline, refund_id).status is RefundStatus.REQUESTED
    assert pipeline.head(order_id).refunds == RefundSums(reserved=900, unfinished=1)
    pipeline.payments.forget_keys()
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    assert_refunded_once(pipeline, order_id, refund_id, 900)


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_booking_that_failed_is_made_up_without_the_money_going_back_twice(
    pipeline: Pipeline, order_id: OrderId, fault: Callable[[Exception], Fault]
) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.journal.faults.plan("book", fault(DOWN))
    with pytest.raises(StoreUnavailable):
        pipeline.refund(order_id, refund_id, CLAIM)
    pipeline.payments.forget_keys()
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def test_another_refund_that_is_asked_for_meanwhile_is_counted(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id, amount=500)

    def ask(operation: str) -> None:
        if operation == "book":
            pipeline.journal.faults.before = None
            pipeline.ask_refund(order_id, "meanwhile", amount=400)

    pipeline.journal.faults.before = ask
    with pytest.raises(StoreUnavailable):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    assert pipeline.head(order_id).refunds == RefundSums(900, 500, 83, 1)
    assert_refunded_once(pipeline, order_id, refund_id, 500)


def test_a_replayed_failure_stores_the_next_generation_of_keys_first(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.payments.save_failure("refund")
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.refund(order_id, refund_id, CLAIM)
    with pytest.raises(ProviderUnavailable):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.head(order_id).key_generation == 1
    pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.payments.keys[-1] == f"{refund_id}/refund/1"
    assert_refunded_once(pipeline, order_id, refund_id, 900)


@pytest.mark.parametrize(
    "outcome", [refused_with("charge_disputed"), failed_with("expired_or_canceled_card")]
)
def test_a_refusal_is_an_outcome_and_frees_what_was_reserved(
    pipeline: Pipeline, order_id: OrderId, outcome: object
) -> None:
    pipeline.payments.refund_outcomes.append(outcome)  # type: ignore[arg-type] # made by pytest
    refund_id = claimed(pipeline, order_id, restock=True)
    assert pipeline.refund(order_id, refund_id, CLAIM) == {"outcome": "refund_failed"}
    head, refund = pipeline.head(order_id), stored(pipeline, refund_id)
    assert (refund.status, refund.restocked) == (RefundStatus.FAILED, False)
    assert refund.failure == outcome.failure  # type: ignore[attr-defined] # as above
    assert (head.claim, head.open, head.refunds) == (None, False, RefundSums())
    assert (head.payment_status, head.timeline[-1].name) == (PaymentStatus.CAPTURED, "refund_failed")
    assert list(pipeline.journal.entries) == [(order_id, 1)]
    assert pipeline.refund(order_id, refund_id, CLAIM) == {"outcome": "refund_failed"}


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_refusals_write_that_failed_is_made_up(
    pipeline: Pipeline, order_id: OrderId, fault: Callable[[Exception], Fault]
) -> None:
    pipeline.payments.refund_outcomes.append(failed_with("lost_or_stolen_card"))
    refund_id = claimed(pipeline, order_id)
    pipeline.refunds.faults.plan("save_refund", fault(DOWN))
    with pytest.raises(StoreUnavailable):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.refund(order_id, refund_id, CLAIM) == {"outcome": "refund_failed"}
    assert pipeline.head(order_id).refunds == RefundSums()
    assert [e.name for e in pipeline.head(order_id).timeline].count("refund_failed") == 1


def test_a_pending_refund_has_left_our_hands_and_is_booked(pipeline: Pipeline, order_id: OrderId) -> None:
    pipeline.payments.refund_outcomes.append(PENDING)
    refund_id = claimed(pipeline, order_id)
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def test_a_refund_that_failed_after_nobody_heard_of_it_is_found_as_failed(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    pipeline.payments.refund_outcomes.append(PENDING)
    pipeline.payments.faults.plan("refund", answer_lost(UNKNOWN))
    refund_id = claimed(pipeline, order_id)
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.refund(order_id, refund_id, CLAIM)
    pipeline.payments.refunds.settle(refund_id, failed_with("expired_or_canceled_card"))
    assert pipeline.refund(order_id, refund_id, CLAIM) == {"outcome": "refund_failed"}
    assert pipeline.payments.count("refund") == 1


def test_what_no_retry_mends_leaves_the_refund_as_it_is(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.payments.faults.plan("refund", nothing_happened(ProviderRefused("bad key")))
    with pytest.raises(ProviderRefused):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert stored(pipeline, refund_id).status is RefundStatus.REQUESTED
    assert pipeline.head(order_id).refunds == RefundSums(reserved=900, unfinished=1)


def test_a_refund_that_waited_for_an_operator_goes_on_and_forgets_why_it_waited(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    """What shows a succeeded refund with a failure tells its client that the money did not come."""
    refund_id = pipeline.ask_refund(order_id)
    pipeline.refunds.set_refund_aside(order_id, refund_id, pipeline.clock.text, "refund:ProviderRefused")
    pipeline.claim_refund(order_id, refund_id, CLAIM)
    assert pipeline.refund(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    refund = stored(pipeline, refund_id)
    assert (refund.status, refund.failure) == (RefundStatus.SUCCEEDED, None)
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def test_a_refund_that_waited_for_an_operator_may_be_refused_in_the_end(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.refunds.set_refund_aside(order_id, refund_id, pipeline.clock.text, "refund:ProviderRefused")
    pipeline.payments.refund_outcomes.append(refused_with("charge_disputed"))
    pipeline.claim_refund(order_id, refund_id, CLAIM)
    assert pipeline.refund(order_id, refund_id, CLAIM) == {"outcome": "refund_failed"}
    refund = stored(pipeline, refund_id)
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "charge_disputed")


def test_a_refund_of_another_amount_at_the_provider_is_corrupt(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id, amount=100)
    pipeline.payments.faults.plan("refund", answer_lost(UNKNOWN))
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.refund(order_id, refund_id, CLAIM)
    pipeline.refunds.stored[refund_id] = replace(stored(pipeline, refund_id), amount=101)
    with pytest.raises(OrderCorrupt):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert list(pipeline.journal.entries) == [(order_id, 1)]


def test_an_order_without_a_payment_has_nothing_to_refund(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.orders.heads[order_id] = replace(pipeline.head(order_id), payment_intent=None)
    with pytest.raises(OrderCorrupt):
        pipeline.refund(order_id, refund_id, CLAIM)


def test_an_execution_that_lost_its_claim_does_not_reach_the_provider(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.clock.advance(CLAIM_SECONDS + 1)
    pipeline.claim_refund(order_id, refund_id, "another")
    calls = len(pipeline.payments.calls)
    with pytest.raises(ClaimLost):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert len(pipeline.payments.calls) == calls


def test_a_claim_lost_between_the_provider_and_the_books_books_nothing(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id)

    def take_over(operation: str) -> None:
        if operation == "book":
            pipeline.journal.faults.before = None
            pipeline.clock.advance(CLAIM_SECONDS + 1)
            pipeline.claim_refund(order_id, refund_id, "another")

    pipeline.journal.faults.before = take_over
    with pytest.raises(ClaimLost):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert list(pipeline.journal.entries) == [(order_id, 1)]
    assert pipeline.refund(order_id, refund_id, "another")["outcome"] == "refunded"
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def test_a_claim_lost_to_another_execution_that_booked_is_no_conflict_of_the_ledger(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id)

    def take_over(operation: str) -> None:
        if operation == "book":
            pipeline.journal.faults.before = None
            pipeline.clock.advance(CLAIM_SECONDS + 1)
            pipeline.claim_refund(order_id, refund_id, "another")
            pipeline.refund(order_id, refund_id, "another")

    pipeline.journal.faults.before = take_over
    with pytest.raises(ClaimLost):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def test_a_late_copy_of_the_step_books_nothing_twice(pipeline: Pipeline, order_id: OrderId) -> None:
    """Two tries of one execution: both found the refund at the provider, only one may book it."""
    refund_id = claimed(pipeline, order_id, restock=True)

    def run_the_next_try(operation: str) -> None:
        if operation == "book":
            pipeline.journal.faults.before = None
            pipeline.clock.advance(1)
            pipeline.refund(order_id, refund_id, CLAIM)

    pipeline.journal.faults.before = run_the_next_try
    with pytest.raises(StoreUnavailable):
        pipeline.refund(order_id, refund_id, CLAIM)
    assert_refunded_once(pipeline, order_id, refund_id, 900)


@pytest.mark.parametrize("between", ["get", "refund"])
def test_a_late_copy_that_books_between_two_reads_is_not_booked_again(
    pipeline: Pipeline, order_id: OrderId, between: str
) -> None:
    refund_id = claimed(pipeline, order_id, restock=True)
    faults = pipeline.orders.faults if between == "get" else pipeline.refunds.faults

    def run_the_next_try(operation: str) -> None:
        if operation == between:
            faults.before = None
            pipeline.refund(order_id, refund_id, CLAIM)

    faults.before = run_the_next_try
    report = pipeline.refund(order_id, refund_id, CLAIM)
    assert report["outcome"] == "to_restock"
    assert (report["event"]["data"]["refunded"], errors(report["event"])) == (900, [])
    assert_refunded_once(pipeline, order_id, refund_id, 900)


def finish_before_the_claim(pipeline: Pipeline, order_id: OrderId, refund_id: RefundId) -> None:
    """Let the refund be finished between the next reading of it and the claim."""

    def finish(operation: str) -> None:
        if operation == "claim_completed":
            pipeline.orders.faults.before = None
            pipeline.refund(order_id, refund_id, CLAIM)

    pipeline.orders.faults.before = finish


def test_an_order_without_a_refund_to_do_is_not_claimed_for_one(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    """A copy that comes late would leave it claimed for ever: no execution is left to free it."""
    refund_id = claimed(pipeline, order_id)
    finish_before_the_claim(pipeline, order_id, refund_id)
    with pytest.raises(StoreUnavailable):
        pipeline.claim_refund(order_id, refund_id, "another")
    assert pipeline.head(order_id).claim is None
    assert pipeline.claim_refund(order_id, refund_id, "another")["outcome"] == "refunded"


def test_a_claim_that_came_after_the_refund_was_finished_is_given_back(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    """Else nobody could make the order's other refund until the claim has run out."""
    refund_id = claimed(pipeline, order_id, amount=400)
    pipeline.ask_refund(order_id, "other", amount=300)
    finish_before_the_claim(pipeline, order_id, refund_id)
    assert pipeline.claim_refund(order_id, refund_id, "another") == {"outcome": "claimed"}
    assert pipeline.refund(order_id, refund_id, "another")["outcome"] == "refunded"
    assert pipeline.head(order_id).claim is None


def test_a_refund_that_nobody_asked_for_is_not_found(pipeline: Pipeline, order_id: OrderId) -> None:
    with pytest.raises(OrderNotFound):
        pipeline.refund(order_id, RefundId("ref_" + "a" * 26), CLAIM)
