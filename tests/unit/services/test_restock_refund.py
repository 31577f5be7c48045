from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import (
    ClaimLost,
    OrderCorrupt,
    OrderNotFound,
    StockContention,
    StoreUnavailable,
)
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.order import FulfillmentStatus, RefundSums, Status
from lambdas.domain.refund import RefundStatus
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.pipeline import CLAIM_SECONDS, Pipeline
from tests.fakes.refunding import CLAIM, claimed, sold, stored

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def order_id(pipeline: Pipeline) -> OrderId:
    """A sold order of two TEA and one MUG."""
    return sold(pipeline, TEA=2, MUG=1)


@pytest.fixture
def refund_id(pipeline: Pipeline, order_id: OrderId) -> RefundId:
    """A refund of one TEA whose money is back."""
    made = claimed(pipeline, order_id, lines=[{"line": 1, "quantity": 1}], restock=True)
    assert pipeline.refund(order_id, made, CLAIM)["outcome"] == "to_restock"
    return made


def test_what_came_back_is_on_sale_again_and_the_refund_is_over(
    pipeline: Pipeline, order_id: OrderId, refund_id: RefundId
) -> None:
    result = pipeline.restock(order_id, refund_id, CLAIM)
    assert (pipeline.inventory.on_hand("TEA"), pipeline.inventory.on_hand("MUG")) == (99, 4)
    assert (result["outcome"], result["event"]["id"]) == ("refunded", f"{refund_id}.succeeded")
    assert result["event"]["data"]["refund"]["restock"] is True
    head, refund = pipeline.head(order_id), stored(pipeline, refund_id)
    assert (refund.restocked, refund.status, refund.finished) == (True, RefundStatus.SUCCEEDED, True)
    assert (head.claim, head.open) == (None, False)
    assert head.refunds == RefundSums(reserved=450, refunded=450, tax=75)
    assert (head.status, head.fulfillment_status) == (Status.COMPLETED, FulfillmentStatus.SHIPPED)
    assert head.timeline[-1].name == "restocked"


def test_all_that_is_left_comes_back_by_its_lines(pipeline: Pipeline, order_id: OrderId) -> None:
    made = claimed(pipeline, order_id, restock=True)
    pipeline.refund(order_id, made, CLAIM)
    pipeline.restock(order_id, made, CLAIM)
    assert (pipeline.inventory.on_hand("TEA"), pipeline.inventory.on_hand("MUG")) == (100, 5)


def test_a_step_that_runs_again_puts_nothing_more_back(
    pipeline: Pipeline, order_id: OrderId, refund_id: RefundId
) -> None:
    first = pipeline.restock(order_id, refund_id, CLAIM)
    assert pipeline.restock(order_id, refund_id, CLAIM) == first
    assert pipeline.inventory.on_hand("TEA") == 99


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_goods_whose_way_back_is_not_known_come_back_once(
    pipeline: Pipeline, order_id: OrderId, refund_id: RefundId, fault: Callable[[Exception], Fault]
) -> None:
    pipeline.inventory.faults.plan("restock", fault(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.restock(order_id, refund_id, CLAIM)
    assert pipeline.restock(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    assert pipeline.inventory.on_hand("TEA") == 99
    assert [e.name for e in pipeline.head(order_id).timeline].count("restocked") == 1


def test_stock_that_is_moved_by_others_is_tried_again(
    pipeline: Pipeline, order_id: OrderId, refund_id: RefundId
) -> None:
    pipeline.inventory.faults.plan("restock", nothing_happened(StockContention("hot")))
    with pytest.raises(StockContention):
        pipeline.restock(order_id, refund_id, CLAIM)
    assert pipeline.restock(order_id, refund_id, CLAIM)["outcome"] == "refunded"


def test_a_refund_that_is_asked_for_meanwhile_lets_the_step_read_the_order_again(
    pipeline: Pipeline, order_id: OrderId, refund_id: RefundId
) -> None:
    def ask(operation: str) -> None:
        if operation == "restock":
            pipeline.inventory.faults.before = None
            pipeline.ask_refund(order_id, "meanwhile", amount=10)

    pipeline.inventory.faults.before = ask
    with pytest.raises(StoreUnavailable):
        pipeline.restock(order_id, refund_id, CLAIM)
    assert pipeline.inventory.on_hand("TEA") == 98
    assert pipeline.restock(order_id, refund_id, CLAIM)["outcome"] == "refunded"
    head = pipeline.head(order_id)
    assert (head.refunds.unfinished, head.open, head.claim) == (1, True, None)


def test_an_execution_that_lost_its_claim_puts_nothing_back(
    pipeline: Pipeline, order_id: OrderId, refund_id: RefundId
) -> None:
    pipeline.clock.advance(CLAIM_SECONDS + 1)
    pipeline.claim_refund(order_id, refund_id, "another")
    with pytest.raises(ClaimLost):
        pipeline.restock(order_id, refund_id, CLAIM)
    assert pipeline.inventory.on_hand("TEA") == 98
    assert not stored(pipeline, refund_id).restocked


def test_goods_do_not_come_back_before_the_money(pipeline: Pipeline, order_id: OrderId) -> None:
    made = claimed(pipeline, order_id, restock=True)
    with pytest.raises(OrderCorrupt):
        pipeline.restock(order_id, made, CLAIM)
    assert pipeline.inventory.on_hand("TEA") == 98


def test_a_refund_without_goods_is_over_before_this_step(pipeline: Pipeline, order_id: OrderId) -> None:
    made = claimed(pipeline, order_id)
    first = pipeline.refund(order_id, made, CLAIM)
    assert pipeline.restock(order_id, made, CLAIM) == first
    assert pipeline.inventory.on_hand("TEA") == 98


def test_a_refund_that_nobody_asked_for_is_not_found(pipeline: Pipeline, order_id: OrderId) -> None:
    with pytest.raises(OrderNotFound):
        pipeline.restock(order_id, RefundId("ref_" + "a" * 26), CLAIM)
