"""An order that is cancelled while its goods are held chunk by chunk: the real step over the real stock.

A transaction takes four actions here, as in `test_stock.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.adapters.dynamodb import stock as stock_module
from lambdas.adapters.dynamodb import stock_moves
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.order import Cancellation, FulfillmentStatus
from lambdas.domain.transitions import cancellation_requested
from lambdas.services.fulfil_order import FulfilOrder
from tests.adapters.examples import CLAIM, LATER, many_lines, stored
from tests.adapters.shop import Shop, open_shop
from tests.adapters.test_stock import crash_after
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import InMemoryWarehouse

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

STOPPED = {"outcome": "unfulfillable", "reason": "cancelled"}


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two SKUs; three SKUs at once with the head."""
    monkeypatch.setattr(stock_module, "SKUS_WITH_HEAD", 3)
    monkeypatch.setattr(stock_moves, "SKUS_WITH_MARKER", 2)


@pytest.fixture
def shop(orders: DynamoOrderStore) -> Shop:
    return open_shop(orders, many_lines(6, quantity=3))


def step_of(shop: Shop, orders: DynamoOrderStore, warehouse: InMemoryWarehouse) -> FulfilOrder:
    return FulfilOrder(orders, shop.stock, warehouse, FakeClock())


def cancel(shop: Shop, orders: DynamoOrderStore) -> None:
    wish = Cancellation(LATER, "mistake", "k" * 16, "0" * 32)
    assert orders.amend(cancellation_requested(stored(orders, shop.order), LATER, wish))


@pytest.mark.parametrize("done", range(4))
@pytest.mark.parametrize("action", ["fulfil", "release"])
def test_goods_that_are_held_in_part_are_given_back(
    shop: Shop, orders: DynamoOrderStore, action: str, done: int
) -> None:
    warehouse = InMemoryWarehouse()
    step = step_of(shop, orders, warehouse)
    shop.client.before = crash_after(done)
    with pytest.raises(StoreUnavailable):
        step(shop.order.order_id, CLAIM)
    assert shop.markers() == min(done, 3)
    shop.client.before = lambda _name, _number: None
    cancel(shop, orders)
    if action == "fulfil":
        assert step(shop.order.order_id, CLAIM) == STOPPED
    else:
        assert step.release(shop.order.order_id, CLAIM, "cancelled") == STOPPED
    assert (shop.on_hand(), shop.markers()) == (shop.full, 0)
    assert stored(orders, shop.order).fulfillment_status is FulfillmentStatus.UNRESERVED
    assert not warehouse.calls


def test_goods_that_are_all_held_are_given_back_when_the_shipment_is_ruled_out(
    shop: Shop, orders: DynamoOrderStore
) -> None:
    warehouse = InMemoryWarehouse()
    shop.reserve()
    cancel(shop, orders)
    assert step_of(shop, orders, warehouse)(shop.order.order_id, CLAIM) == STOPPED
    assert (shop.on_hand(), shop.markers()) == (shop.full, 0)
    assert warehouse.cancelled == {shop.order.order_id}
    assert stored(orders, shop.order).fulfillment_status is FulfillmentStatus.RELEASED


def test_a_wish_that_comes_in_between_two_chunks_turns_the_next_try_back(
    shop: Shop, orders: DynamoOrderStore
) -> None:
    step = step_of(shop, orders, InMemoryWarehouse())

    def intervene(name: str, number: int) -> None:
        if (name, number) == ("transact_write_items", 2):
            cancel(shop, orders)

    shop.client.before = intervene
    with pytest.raises(StoreUnavailable):
        step(shop.order.order_id, CLAIM)
    assert step(shop.order.order_id, CLAIM) == STOPPED
    assert (shop.on_hand(), shop.markers()) == (shop.full, 0)
