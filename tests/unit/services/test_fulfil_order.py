from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import (
    ClaimLost,
    OrderCorrupt,
    OrderNotFound,
    StockContention,
    StoreUnavailable,
    WarehouseUnavailable,
)
from lambdas.domain.fulfilment import ShipmentRefused
from lambdas.domain.identifiers import OrderId
from lambdas.domain.order import FulfillmentStatus, PaymentStatus
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.pipeline import CLAIM, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

SHIPPED = {"outcome": "shipped"}
OUT_OF_STOCK = {"outcome": "unfulfillable", "reason": "out_of_stock"}
REFUSED = {"outcome": "unfulfillable", "reason": "shipment_refused"}


def authorised(pipeline: Pipeline, **quantities: int) -> OrderId:
    """Bring an order to this step."""
    order_id = pipeline.accept(goods=quantities)
    pipeline.bring_to("fulfil", order_id)
    return order_id


def test_all_goods_are_held_and_shipped(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2, MUG=1)
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.warehouse.shipments == {order_id: {"MUG": 1, "TEA": 2}}
    assert (pipeline.inventory.on_hand("TEA"), pipeline.inventory.on_hand("MUG")) == (98, 4)
    head = pipeline.head(order_id)
    assert (head.payment_status, head.fulfillment_status) == (
        PaymentStatus.AUTHORIZED,
        FulfillmentStatus.RESERVED,
    )


def test_a_shortage_of_one_product_holds_none(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2, MUG=6)
    assert pipeline.fulfil(order_id, CLAIM) == OUT_OF_STOCK
    assert (pipeline.inventory.on_hand("TEA"), pipeline.inventory.on_hand("MUG")) == (100, 5)
    assert not pipeline.warehouse.calls
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.UNRESERVED


def test_the_last_piece_can_be_sold(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, MUG=5)
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.inventory.on_hand("MUG") == 0


def test_a_step_that_runs_again_holds_and_ships_nothing_more(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2)
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.inventory.on_hand("TEA") == 98
    assert pipeline.warehouse.shipments == {order_id: {"TEA": 2}}


@pytest.mark.parametrize("error", [StockContention("hot"), StoreUnavailable("down")])
def test_stock_that_could_not_be_moved_is_tried_again(pipeline: Pipeline, error: Exception) -> None:
    order_id = authorised(pipeline, TEA=2)
    pipeline.inventory.faults.plan("reserve", nothing_happened(error))
    with pytest.raises(type(error)):
        pipeline.fulfil(order_id, CLAIM)
    assert pipeline.inventory.on_hand("TEA") == 100
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED


def test_a_reservation_whose_answer_was_lost_is_not_made_twice(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2)
    pipeline.inventory.faults.plan("reserve", answer_lost(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.fulfil(order_id, CLAIM)
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.inventory.on_hand("TEA") == 98


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_shipment_whose_outcome_is_not_known_keeps_the_goods_and_is_booked_once(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = authorised(pipeline, TEA=2)
    pipeline.warehouse.faults.plan("ship", fault(WarehouseUnavailable("timeout")))
    with pytest.raises(WarehouseUnavailable):
        pipeline.fulfil(order_id, CLAIM)
    assert pipeline.inventory.on_hand("TEA") == 98
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.RESERVED
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.warehouse.shipments == {order_id: {"TEA": 2}}


def test_a_refused_shipment_gives_the_goods_back(pipeline: Pipeline) -> None:
    pipeline.warehouse.refused_skus.add("TEA")
    order_id = authorised(pipeline, TEA=2, MUG=1)
    assert pipeline.fulfil(order_id, CLAIM) == REFUSED
    assert (pipeline.inventory.on_hand("TEA"), pipeline.inventory.on_hand("MUG")) == (100, 5)
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.RELEASED


def test_a_refused_shipment_is_ruled_out_before_its_goods_go_back(pipeline: Pipeline) -> None:
    """A call that comes late must not ship what the warehouse would take by then."""
    pipeline.warehouse.refused_skus.add("TEA")
    order_id = authorised(pipeline, TEA=2)
    assert pipeline.fulfil(order_id, CLAIM) == REFUSED
    pipeline.warehouse.refused_skus.clear()
    assert pipeline.warehouse.ship(order_id, {"TEA": 2}) == ShipmentRefused("cancelled")


def test_a_shipment_that_is_accepted_after_all_is_sold(pipeline: Pipeline) -> None:
    """Another try's call was accepted between the refusal and the ruling out."""
    pipeline.warehouse.refused_skus.add("TEA")
    order_id = authorised(pipeline, TEA=2)

    def accept(operation: str) -> None:
        if operation == "cancel":
            pipeline.warehouse.shipments[order_id] = {"TEA": 2}

    pipeline.warehouse.faults.before = accept
    assert pipeline.fulfil(order_id, CLAIM) == SHIPPED
    assert pipeline.inventory.on_hand("TEA") == 98


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_release_that_failed_gives_the_goods_back_once(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    pipeline.warehouse.refused_skus.add("TEA")
    order_id = authorised(pipeline, TEA=2)
    pipeline.inventory.faults.plan("release", fault(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.fulfil(order_id, CLAIM)
    assert pipeline.fulfil(order_id, CLAIM) == REFUSED
    assert pipeline.inventory.on_hand("TEA") == 100


def test_an_order_that_ended_is_neither_held_nor_shipped_again(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("publish", order_id)
    calls = pipeline.warehouse.calls
    assert pipeline.fulfil(order_id, CLAIM)["outcome"] == "already_ended"
    assert pipeline.warehouse.calls == calls
    assert pipeline.inventory.on_hand("TEA") == 98


def test_an_execution_that_lost_its_claim_touches_nothing(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2)
    with pytest.raises(ClaimLost):
        pipeline.fulfil(order_id, "another")
    assert pipeline.inventory.on_hand("TEA") == 100
    assert not pipeline.warehouse.calls


def test_a_claim_lost_between_reading_and_reserving_holds_nothing(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2)
    mine = pipeline.head(order_id)
    pipeline.orders.give_back(order_id, CLAIM, pipeline.clock.text, None)
    with pytest.raises(ClaimLost):
        pipeline.inventory.reserve(mine, pipeline.orders.lines_of(mine), CLAIM, pipeline.clock.text)
    assert pipeline.inventory.on_hand("TEA") == 100


def test_another_shipment_under_the_orders_id_is_corrupt(pipeline: Pipeline) -> None:
    order_id = authorised(pipeline, TEA=2)
    pipeline.warehouse.shipments[order_id] = {"TEA": 3}
    with pytest.raises(OrderCorrupt):
        pipeline.fulfil(order_id, CLAIM)


def test_an_order_that_nobody_accepted_is_not_found(pipeline: Pipeline) -> None:
    with pytest.raises(OrderNotFound):
        pipeline.fulfil(OrderId("ord_" + "a" * 26), CLAIM)
