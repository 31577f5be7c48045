from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.domain.catalogue import Product
from lambdas.domain.errors import OrderBusy, OrderCorrupt, OrderNotFound, StoreUnavailable
from lambdas.domain.identifiers import OrderId
from lambdas.domain.order import Line, Status
from tests.fakes.faults import answer_lost
from tests.fakes.pipeline import CLAIM, CLAIM_SECONDS, Pipeline


def test_the_first_step_claims_the_order_beyond_the_workflows_timeout(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    assert pipeline.validate(order_id, CLAIM) == {"outcome": "claimed"}
    head = pipeline.head(order_id)
    assert (head.status, head.claim) == (Status.PROCESSING, CLAIM)
    assert head.claim_until == int(pipeline.clock().timestamp()) + CLAIM_SECONDS
    assert head.timeline[-1].name == "processing"


def test_a_live_claim_of_another_execution_is_busy(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.validate(order_id, "other")
    pipeline.clock.advance(CLAIM_SECONDS)
    with pytest.raises(OrderBusy):
        pipeline.validate(order_id, CLAIM)
    assert pipeline.head(order_id).claim == "other"


def test_an_expired_claim_is_taken_over(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.validate(order_id, "other")
    pipeline.clock.advance(CLAIM_SECONDS + 1)
    assert pipeline.validate(order_id, CLAIM) == {"outcome": "claimed"}
    assert pipeline.head(order_id).claim == CLAIM


def test_a_claim_whose_answer_was_lost_is_claimed_again(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.orders.faults.plan("claim", answer_lost(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.validate(order_id, CLAIM)
    assert pipeline.validate(order_id, CLAIM) == {"outcome": "claimed"}


def test_an_order_that_waits_for_a_person_can_be_claimed_and_forgets_why(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.validate(order_id, "other")
    pipeline.orders.give_back(order_id, "other", pipeline.clock.text, "capture:ProviderRefused")
    assert pipeline.head(order_id).status is Status.ATTENTION_REQUIRED
    assert pipeline.validate(order_id, CLAIM) == {"outcome": "claimed"}
    head = pipeline.head(order_id)
    assert (head.status, head.reason) == (Status.PROCESSING, None)


def test_an_order_that_ended_says_how_and_is_not_touched(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("publish", order_id)
    ended = pipeline.head(order_id)
    result = pipeline.validate(order_id, "late")
    assert (result["outcome"], result["event"]["type"]) == ("already_ended", "order.completed.v1")
    assert pipeline.head(order_id) == ended


def test_an_order_that_nobody_accepted_is_not_found(pipeline: Pipeline) -> None:
    with pytest.raises(OrderNotFound):
        pipeline.validate(OrderId("ord_" + "a" * 26), CLAIM)


def test_an_order_with_a_withdrawn_product_is_rejected_before_any_money_moves(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=1, MUG=1)
    del pipeline.inventory.stored["MUG"]
    result = pipeline.validate(order_id, CLAIM)
    assert result == {"outcome": "unfulfillable", "reason": "product_withdrawn"}
    for step in ("release", "reject"):
        result = pipeline.step(step, order_id, reason="product_withdrawn")
    head = pipeline.head(order_id)
    assert head.reason == "product_withdrawn"
    assert (head.status, head.claim) == (Status.REJECTED, None)
    assert not pipeline.payments.calls


def test_a_product_withdrawn_after_the_payment_began_does_not_reject_here(pipeline: Pipeline) -> None:
    # Only the later steps know how to give the money free.
    order_id = pipeline.accept(MUG=1)
    pipeline.bring_to("fulfil", order_id)
    del pipeline.inventory.stored["MUG"]
    assert pipeline.validate(order_id, CLAIM) == {"outcome": "claimed"}


def test_a_changed_price_does_not_change_an_accepted_order(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=1)
    pipeline.inventory.add(Product("TEA", "GBP", {"list": 999}, on_hand=1))
    assert pipeline.validate(order_id, CLAIM) == {"outcome": "claimed"}
    assert pipeline.head(order_id).total == 450


def test_a_total_that_is_not_the_sum_of_the_lines_is_corrupt(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=1)
    pipeline.orders.heads[order_id] = replace(pipeline.head(order_id), total=451)
    with pytest.raises(OrderCorrupt, match="total"):
        pipeline.validate(order_id, CLAIM)


def test_lines_that_were_tampered_with_are_corrupt(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=1)
    pipeline.orders.heads[order_id] = replace(pipeline.head(order_id), lines=(Line("MUG", 1, 450),))
    with pytest.raises(OrderCorrupt, match="lines"):
        pipeline.validate(order_id, CLAIM)
