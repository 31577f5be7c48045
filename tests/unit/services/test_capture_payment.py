from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.errors import (
    ClaimLost,
    LedgerConflict,
    OrderCorrupt,
    PaymentOutcomeUnknown,
    ProviderUnavailable,
    StoreUnavailable,
)
from lambdas.domain.ledger import RECEIVABLE, SALES, SALES_TAX, capture_entry
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.payment import IntentState
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.payments import GOOD_CARD
from tests.fakes.pipeline import CLAIM, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId


def shipped(pipeline: Pipeline, card: str | None = GOOD_CARD, **quantities: int) -> OrderId:
    """Bring an order to this step."""
    order_id = pipeline.accept(card=card, goods=quantities)
    pipeline.bring_to("capture", order_id)
    return order_id


def assert_taken_and_booked_once(pipeline: Pipeline, order_id: OrderId) -> None:
    """The order's money was taken once and its entry says the same."""
    head = pipeline.head(order_id)
    assert (head.status, head.payment_status) == (Status.COMPLETED, PaymentStatus.CAPTURED)
    assert pipeline.payments.captures == {order_id: 1}
    assert pipeline.payments.captured_total == head.total
    assert list(pipeline.journal.entries) == [(order_id, 1)]


def test_the_money_is_taken_and_booked_with_the_completion(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline, TEA=2)
    result = pipeline.capture(order_id, CLAIM)
    assert (result["outcome"], result["event"]["type"]) == ("completed", "order.completed.v1")
    assert_taken_and_booked_once(pipeline, order_id)
    head = pipeline.head(order_id)
    assert (head.fulfillment_status, head.claim) == (FulfillmentStatus.SHIPPED, None)
    entry = pipeline.journal.entries[order_id, 1]
    assert {p.account: p.amount for p in entry.postings} == {RECEIVABLE: 900, SALES: -750, SALES_TAX: -150}
    assert entry.psp_reference == head.payment_intent


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_capture_whose_outcome_is_not_known_takes_the_money_once(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = shipped(pipeline)
    pipeline.payments.faults.plan("capture", fault(PaymentOutcomeUnknown("timeout")))
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.capture(order_id, CLAIM)
    assert pipeline.head(order_id).status is Status.PROCESSING
    assert not pipeline.journal.entries
    assert pipeline.capture(order_id, CLAIM)["outcome"] == "completed"
    assert_taken_and_booked_once(pipeline, order_id)


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_booking_that_failed_is_made_up_once(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = shipped(pipeline)
    pipeline.journal.faults.plan("book", fault(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.capture(order_id, CLAIM)
    pipeline.clock.advance(3)
    assert pipeline.capture(order_id, CLAIM)["outcome"] == "completed"
    assert_taken_and_booked_once(pipeline, order_id)


def test_a_replayed_failure_stores_the_next_generation_of_keys_first(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    pipeline.payments.save_failure("capture")
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.capture(order_id, CLAIM)
    with pytest.raises(ProviderUnavailable):
        pipeline.capture(order_id, CLAIM)
    assert pipeline.head(order_id).key_generation == 1
    assert pipeline.payments.keys[-1] == f"{order_id}/capture/0"
    pipeline.capture(order_id, CLAIM)
    assert pipeline.payments.keys[-1] == f"{order_id}/capture/1"
    assert_taken_and_booked_once(pipeline, order_id)


def test_a_canceled_payment_is_never_captured_and_waits_for_a_person(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    pipeline.payments.expire("pi_0001")
    assert pipeline.capture(order_id, CLAIM)["outcome"] == "attention_required"
    head = pipeline.head(order_id)
    assert (head.status, head.reason) == (Status.ATTENTION_REQUIRED, "canceled_after_shipment")
    assert head.payment_status is PaymentStatus.EXPIRED
    assert not pipeline.payments.captures
    assert not pipeline.journal.entries


def test_an_order_of_nothing_completes_without_payment_or_entry(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline, None, GIFT=1)
    assert pipeline.capture(order_id, CLAIM)["outcome"] == "completed"
    assert pipeline.head(order_id).payment_status is PaymentStatus.NOT_REQUIRED
    assert not pipeline.payments.calls
    assert not pipeline.journal.entries


def test_an_order_that_was_completed_says_so_again_for_its_event(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    first = pipeline.capture(order_id, CLAIM)
    assert pipeline.capture(order_id, CLAIM) == first
    assert_taken_and_booked_once(pipeline, order_id)


def test_goods_that_are_not_held_are_not_charged_for(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("fulfil", order_id)
    with pytest.raises(OrderCorrupt):
        pipeline.capture(order_id, CLAIM)
    assert not pipeline.payments.captures


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"state": IntentState.UNCONFIRMED}, PaymentOutcomeUnknown),
        ({"state": IntentState.PENDING}, PaymentOutcomeUnknown),
        ({"state": IntentState.CAPTURED, "captured": 449}, OrderCorrupt),
    ],
)
def test_anything_but_the_whole_sum_completes_nothing(
    pipeline: Pipeline, changes: dict[str, Any], error: type[Exception]
) -> None:
    order_id = shipped(pipeline)
    pipeline.payments.intents["pi_0001"] = replace(pipeline.payments.intents["pi_0001"], **changes)
    with pytest.raises(error):
        pipeline.capture(order_id, CLAIM)
    assert pipeline.head(order_id).status is Status.PROCESSING
    assert not pipeline.journal.entries


def test_an_order_without_a_payment_has_nothing_to_capture(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    pipeline.orders.heads[order_id] = replace(pipeline.head(order_id), payment_intent=None)
    with pytest.raises(OrderCorrupt):
        pipeline.capture(order_id, CLAIM)


def test_an_execution_that_lost_its_claim_takes_nothing(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    with pytest.raises(ClaimLost):
        pipeline.capture(order_id, "another")
    assert not pipeline.payments.captures


def test_a_claim_lost_during_the_capture_books_nothing_and_the_next_one_does(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    mine = pipeline.head(order_id)
    pipeline.orders.give_back(order_id, CLAIM, pipeline.clock.text, None)
    pipeline.validate(order_id, "next")
    late = capture_entry(mine, pipeline.clock.text, "pi_0001")
    with pytest.raises(ClaimLost):
        pipeline.journal.book(replace(mine, revision=mine.revision + 1), late, CLAIM)
    assert not pipeline.journal.entries
    assert pipeline.capture(order_id, "next")["outcome"] == "completed"
    assert_taken_and_booked_once(pipeline, order_id)


def test_another_entry_under_the_orders_key_is_a_conflict_and_completes_nothing(pipeline: Pipeline) -> None:
    order_id = shipped(pipeline)
    forged = replace(capture_entry(pipeline.head(order_id), pipeline.clock.text, "pi_0001"), actor="thief")
    pipeline.journal.entries[order_id, 1] = forged
    with pytest.raises(LedgerConflict):
        pipeline.capture(order_id, CLAIM)
    assert pipeline.head(order_id).status is Status.PROCESSING
    assert pipeline.journal.entries == {(order_id, 1): forged}
