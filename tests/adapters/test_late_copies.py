"""A copy of `fulfil` that comes to life late: its retry, under the same claim, has decided meanwhile.

Lambda's init is outside of the function's timeout, so that an invocation that the workflow gave up may still
begin. A transaction takes four actions here, as in `test_stock.py`: six SKUs are three chunks, and the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb import stock as stock_module
from lambdas.adapters.dynamodb import stock_moves
from lambdas.adapters.dynamodb.catalogue import product_to_item
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.catalogue import Product
from lambdas.domain.errors import ClaimLost, StoreUnavailable
from lambdas.domain.order import Cancellation, FulfillmentStatus
from lambdas.domain.transitions import cancellation_requested
from lambdas.services.fulfil_order import FulfilOrder
from tests.adapters.examples import CLAIM, LATER, many_lines, put_stock, stored
from tests.adapters.recording import RecordingClient
from tests.adapters.shop import Shop, open_shop
from tests.adapters.tables import INVENTORY, ORDERS
from tests.adapters.test_stock import crash_after
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import InMemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

SOLD_OUT = {"outcome": "unfulfillable", "reason": "out_of_stock"}
REFUSED = {"outcome": "unfulfillable", "reason": "shipment_refused"}
CANCELLED = {"outcome": "unfulfillable", "reason": "cancelled"}
SHIPPED = {"outcome": "shipped"}


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two SKUs; three SKUs at once with the head."""
    monkeypatch.setattr(stock_module, "SKUS_WITH_HEAD", 3)
    monkeypatch.setattr(stock_moves, "SKUS_WITH_MARKER", 2)


@dataclass
class Case:
    """One claimed order of six SKUs, three of each, and two copies of its step with clients of their own."""

    shop: Shop
    orders: DynamoOrderStore
    warehouse: InMemoryWarehouse

    def step(self) -> FulfilOrder:
        """The retry."""
        return self._step(self.orders.client)

    def late(self, when: tuple[str, int], meanwhile: Callable[[], object]) -> str:
        """Let all the rest happen before one call of the late copy; return how that one ends."""

        def before(name: str, number: int) -> None:
            if (name, number) == when:
                meanwhile()

        return self.run(RecordingClient(self.orders.client, before))

    def run(self, client: Any) -> str:
        """Run a copy on a client; return its outcome or its failure."""
        try:
            return str(self._step(client)(self.order_id, CLAIM)["outcome"])
        except (ClaimLost, StoreUnavailable) as error:
            return type(error).__name__

    def sell_out(self, left: int = 2) -> None:
        put_stock(self.orders.client, {"sku-0005": left})

    def deliver_goods(self) -> None:
        self.sell_out(10)

    def cancel(self) -> None:
        wish = Cancellation(LATER, "mistake", "k" * 16, "0" * 32)
        assert self.orders.amend(cancellation_requested(stored(self.orders, self.shop.order), LATER, wish))

    def assert_nothing_is_held(self) -> None:
        assert (self.shop.on_hand(), self.shop.markers()) == (self.shop.full, 0)
        assert not self.warehouse.shipments

    @property
    def order_id(self) -> Any:
        return self.shop.order.order_id

    @property
    def goods(self) -> FulfillmentStatus:
        return stored(self.orders, self.shop.order).fulfillment_status

    def _step(self, client: Any) -> FulfilOrder:
        stock = DynamoStock(client, INVENTORY, ORDERS, pause=lambda _seconds: None)
        return FulfilOrder(self.orders, stock, self.warehouse, FakeClock())


@pytest.fixture
def case(orders: DynamoOrderStore) -> Case:
    return Case(open_shop(orders, many_lines(6, quantity=3)), orders, InMemoryWarehouse())


before_any_call = pytest.mark.parametrize(
    "when",
    [("query", 1), ("batch_get_item", 1), *(("transact_write_items", n) for n in (1, 2, 3))],
    ids=lambda when: f"{when[0]} {when[1]}",
)


@before_any_call
def test_it_holds_nothing_of_an_order_whose_retry_found_too_little(case: Case, when: tuple[str, int]) -> None:
    def meanwhile() -> None:
        case.sell_out()
        assert case.step()(case.order_id, CLAIM) == SOLD_OUT
        case.deliver_goods()

    assert case.late(when, meanwhile) == "StoreUnavailable"
    case.assert_nothing_is_held()


@before_any_call
def test_it_holds_nothing_of_an_order_whose_retry_was_turned_back(case: Case, when: tuple[str, int]) -> None:
    def meanwhile() -> None:
        case.cancel()
        assert case.step()(case.order_id, CLAIM) == CANCELLED

    assert case.late(when, meanwhile) == "StoreUnavailable"
    case.assert_nothing_is_held()


@before_any_call
def test_it_holds_nothing_of_an_order_whose_shipment_was_refused(case: Case, when: tuple[str, int]) -> None:
    def meanwhile() -> None:
        case.warehouse.refused_skus.add("sku-0000")
        assert case.step()(case.order_id, CLAIM) == REFUSED
        case.warehouse.refused_skus.clear()

    assert case.late(when, meanwhile) == "StoreUnavailable"
    case.assert_nothing_is_held()
    assert case.goods is FulfillmentStatus.RELEASED


def test_one_that_begins_after_the_retry_found_too_little_turns_back(case: Case) -> None:
    case.sell_out()
    assert case.step()(case.order_id, CLAIM) == SOLD_OUT
    case.deliver_goods()
    assert case.step()(case.order_id, CLAIM) == SOLD_OUT
    case.assert_nothing_is_held()


@pytest.fixture
def passing(case: Case) -> Callable[[], None]:
    """Let too little be left of a SKU in the third chunk, as while another order holds it in part."""
    short = product_to_item(Product("sku-0005", "GBP", {"list": 100}, on_hand=2))
    item = {**short, "partial_until": {"N": "9999999999"}}
    return lambda: case.orders.client.put_item(TableName=INVENTORY, Item=item)


@pytest.mark.parametrize("given_back", [0, 1])
def test_it_gives_nothing_back_of_what_its_retry_has_reserved(
    case: Case, passing: Callable[[], None], given_back: int
) -> None:
    """It found too little for its third chunk, and gives the others back before it looks again."""

    def before(name: str, number: int) -> None:
        if (name, number) == ("transact_write_items", 3):
            passing()
        if (name, number) == ("transact_write_items", 4 + given_back):
            case.deliver_goods()
            assert case.step()(case.order_id, CLAIM) == SHIPPED

    assert case.run(RecordingClient(case.orders.client, before)) == "StoreUnavailable"
    assert (case.shop.on_hand(), case.goods) == (case.shop.held, FulfillmentStatus.RESERVED)


def test_an_order_is_not_reserved_without_what_a_late_copy_gave_back(
    case: Case, passing: Callable[[], None]
) -> None:
    """The retry's last write is on its way while the late copy gives a chunk back."""
    retry = RecordingClient(case.orders.client, crash_after(1))

    def before(name: str, number: int) -> None:
        if (name, number) == ("transact_write_items", 3):
            passing()
        if (name, number) == ("transact_write_items", 4):
            case.deliver_goods()
            assert case.run(retry) == "StoreUnavailable"
        if (name, number) == ("transact_write_items", 5):
            last_write = retry.calls[-1][1]
            with pytest.raises(case.orders.client.exceptions.TransactionCanceledException):
                case.orders.client.transact_write_items(**last_write)

    assert case.run(RecordingClient(case.orders.client, before)) == "shipped"
    assert (case.shop.on_hand(), case.goods) == (case.shop.held, FulfillmentStatus.RESERVED)


@pytest.mark.parametrize("done", range(5))
def test_a_release_that_crashed_is_finished_though_the_warehouse_would_ship_now(
    case: Case, done: int
) -> None:
    case.warehouse.refused_skus.add("sku-0000")
    held = 4
    assert case.run(RecordingClient(case.orders.client, crash_after(held + done))) == (
        "unfulfillable" if done == held else "StoreUnavailable"
    )
    case.warehouse.refused_skus.clear()
    assert case.step()(case.order_id, CLAIM)["outcome"] == "unfulfillable"
    case.assert_nothing_is_held()
    assert case.goods is FulfillmentStatus.RELEASED
