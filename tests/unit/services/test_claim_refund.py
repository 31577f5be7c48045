from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import OrderBusy, OrderCorrupt, OrderNotFound, StoreUnavailable
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.order import Status
from lambdas.domain.refund import RefundStatus
from tests.fakes.faults import answer_lost
from tests.fakes.pipeline import CLAIM_SECONDS, Pipeline
from tests.fakes.provider_refunds import refused_with
from tests.fakes.refunding import CLAIM, claimed, sold, stored

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIMED = {"outcome": "claimed"}


@pytest.fixture
def order_id(pipeline: Pipeline) -> OrderId:
    """A sold order."""
    return sold(pipeline)


def test_the_completed_order_is_claimed_and_stays_completed(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = pipeline.ask_refund(order_id)
    before = pipeline.head(order_id)
    pipeline.clock.advance(5)
    assert pipeline.claim_refund(order_id, refund_id, CLAIM) == CLAIMED
    until = int(pipeline.clock().timestamp()) + CLAIM_SECONDS
    assert pipeline.head(order_id) == replace(
        before,
        claim=CLAIM,
        claim_until=until,
        updated_at=pipeline.clock.text,
        revision=before.revision + 1,
    )


def test_the_same_claim_may_be_made_again(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    assert pipeline.claim_refund(order_id, refund_id, CLAIM) == CLAIMED


def test_a_claim_whose_answer_was_lost_is_made_again(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.orders.faults.plan("claim_completed", answer_lost(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.claim_refund(order_id, refund_id, CLAIM)
    assert pipeline.claim_refund(order_id, refund_id, CLAIM) == CLAIMED


def test_two_refunds_of_an_order_are_carried_out_one_after_the_other(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    claimed(pipeline, order_id, "a", amount=100)
    other = pipeline.ask_refund(order_id, "b", amount=200)
    with pytest.raises(OrderBusy):
        pipeline.claim_refund(order_id, other, "another")
    assert pipeline.head(order_id).claim == CLAIM


def test_a_claim_that_has_run_out_is_taken_over(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id)
    pipeline.clock.advance(CLAIM_SECONDS + 1)
    assert pipeline.claim_refund(order_id, refund_id, "another") == CLAIMED
    assert pipeline.head(order_id).claim == "another"


def test_a_refund_that_is_finished_is_told_again_without_a_claim(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = claimed(pipeline, order_id)
    first = pipeline.refund(order_id, refund_id, CLAIM)
    again = pipeline.claim_refund(order_id, refund_id, "another")
    assert again == first
    assert (again["outcome"], again["event"]["id"]) == ("refunded", f"{refund_id}.succeeded")
    assert pipeline.head(order_id).claim is None


def test_a_refund_that_failed_is_over(pipeline: Pipeline, order_id: OrderId) -> None:
    pipeline.payments.refund_outcomes.append(refused_with("charge_disputed"))
    refund_id = claimed(pipeline, order_id)
    pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.claim_refund(order_id, refund_id, "another") == {"outcome": "refund_failed"}
    assert pipeline.head(order_id).claim is None


def test_a_refund_whose_goods_are_not_back_yet_goes_on(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = claimed(pipeline, order_id, restock=True)
    pipeline.refund(order_id, refund_id, CLAIM)
    assert pipeline.claim_refund(order_id, refund_id, CLAIM) == CLAIMED


def test_a_refund_that_waits_for_an_operator_goes_on_when_it_is_asked_for(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.refunds.set_refund_aside(order_id, refund_id, pipeline.clock.text, "refund:ProviderRefused")
    assert stored(pipeline, refund_id).status is RefundStatus.ATTENTION_REQUIRED
    assert pipeline.claim_refund(order_id, refund_id, CLAIM) == CLAIMED


@pytest.mark.parametrize(
    "of",
    [
        lambda order_id, _refund_id: (order_id, RefundId("ref_" + "a" * 26)),
        lambda _order_id, refund_id: (OrderId("ord_" + "a" * 26), refund_id),
    ],
    ids=["no such refund", "no such order"],
)
def test_what_nobody_asked_for_is_not_found(
    pipeline: Pipeline, order_id: OrderId, of: Callable[[OrderId, RefundId], tuple[OrderId, RefundId]]
) -> None:
    refund_id = pipeline.ask_refund(order_id)
    with pytest.raises(OrderNotFound):
        pipeline.claim_refund(*of(order_id, refund_id), CLAIM)
    assert pipeline.head(order_id).claim is None


def test_a_refund_of_another_order_is_not_found(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = pipeline.ask_refund(sold(pipeline, "key-2"))
    with pytest.raises(OrderNotFound):
        pipeline.claim_refund(order_id, refund_id, CLAIM)


def test_a_refund_of_an_order_that_is_not_completed_is_corrupt(pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.orders.heads[order_id] = replace(pipeline.head(order_id), status=Status.REJECTED)
    with pytest.raises(OrderCorrupt):
        pipeline.claim_refund(order_id, refund_id, CLAIM)


def test_what_is_told_of_a_refund_that_another_execution_finishes_right_now_is_as_of_after_it(
    pipeline: Pipeline, order_id: OrderId
) -> None:
    """The event has an id that consumers take once: it must not say that nothing is refunded."""
    refund_id = claimed(pipeline, order_id)

    def finish(operation: str) -> None:
        if operation == "refund":
            pipeline.refunds.faults.before = None
            pipeline.refund(order_id, refund_id, CLAIM)

    pipeline.refunds.faults.before = finish
    event = pipeline.claim_refund(order_id, refund_id, "another")["event"]
    assert (event["data"]["refunded"], event["data"]["payment_status"]) == (900, "refunded")
