"""Several orders at the same stock. No local engine produces TransactionConflict, so it is injected.

A transaction takes four actions here, so that six SKUs are a large order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb import stock as stock_module
from lambdas.adapters.dynamodb import stock_moves
from lambdas.adapters.dynamodb.chunked_stock import PARTIAL_HOLD_SECONDS
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.errors import StockContention, StoreUnavailable
from lambdas.domain.fulfilment import Shortage
from tests.adapters.examples import CLAIM, LATER, an_order, claimed, many_lines, put_stock
from tests.adapters.recording import RecordingClient, cancelled, client_error
from tests.adapters.tables import INVENTORY, ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order

NOW = 1_795_168_801.0
LARGE = many_lines(6)
SMALL = many_lines(1)


def on_hand(client: Any, sku: str = "sku-0000") -> int:
    item = client.get_item(TableName=INVENTORY, Key={"sku": {"S": sku}})["Item"]
    return int(item["on_hand"]["N"])


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock_module, "SKUS_WITH_HEAD", 3)
    monkeypatch.setattr(stock_moves, "SKUS_WITH_MARKER", 2)


@pytest.fixture
def order(orders: DynamoOrderStore) -> Order:
    return claimed(orders, an_order(lines=SMALL))


def test_conflicts_with_other_orders_are_tried_again_after_a_growing_random_pause(
    dynamodb: Any, order: Order
) -> None:
    put_stock(dynamodb, {"sku-0000": 5})
    conflict = cancelled("TransactionConflict", "None")
    client = RecordingClient(dynamodb, before=lambda _name, number: conflict if number <= 5 else None)
    pauses: list[float] = []
    stock = DynamoStock(client, INVENTORY, ORDERS, pause=pauses.append)
    assert stock.reserve(order, SMALL, CLAIM, LATER) is None
    assert on_hand(dynamodb) == 4
    assert len(pauses) == 5
    assert all(0 <= pause <= 0.04 * 2**n for n, pause in enumerate(pauses))


def test_conflicts_that_do_not_end_are_contention_and_hold_nothing(dynamodb: Any, order: Order) -> None:
    put_stock(dynamodb, {"sku-0000": 5})
    client = RecordingClient(dynamodb, before=lambda _name, _number: cancelled("None", "TransactionConflict"))
    stock = DynamoStock(client, INVENTORY, ORDERS, pause=lambda _seconds: None)
    with pytest.raises(StockContention):
        stock.reserve(order, SMALL, CLAIM, LATER)
    assert (on_hand(dynamodb), client.count("transact_write_items")) == (5, 6)


def test_a_throttled_transaction_is_an_unavailable_store(dynamodb: Any, order: Order) -> None:
    error = client_error("TransactWriteItems", "ThrottlingException")
    stock = DynamoStock(RecordingClient(dynamodb, before=lambda _n, _i: error), INVENTORY, ORDERS)
    with pytest.raises(StoreUnavailable):
        stock.reserve(order, SMALL, CLAIM, LATER)


class AnotherOrder:
    """A large order that holds the last `sku-0000` in its first chunk, and has not come to an end."""

    def __init__(self, orders: DynamoOrderStore, client: Any) -> None:
        put_stock(client, dict.fromkeys((line.sku for line in LARGE), 1))
        self._order = claimed(orders, an_order("another", lines=LARGE), "another-claim")
        self._client = client
        self._dying = RecordingClient(
            client,
            before=lambda name, number: (
                client_error("TransactWriteItems", "InternalServerError", 500)
                if name == "transact_write_items" and number > 1
                else None
            ),
        )

    def hold_partly(self) -> None:
        with pytest.raises(StoreUnavailable):
            self._stock(self._dying).reserve(self._order, LARGE, "another-claim", LATER)

    def give_up(self) -> None:
        put_stock(self._client, {"sku-0005": 0})
        short = self._stock(self._client).reserve(self._order, LARGE, "another-claim", LATER)
        assert short == Shortage(("sku-0005",))

    @staticmethod
    def _stock(client: Any) -> DynamoStock:
        return DynamoStock(client, INVENTORY, ORDERS, now=lambda: NOW, pause=lambda _seconds: None)


@pytest.mark.parametrize("lines", [SMALL, LARGE[:4]], ids=["small", "large"])
def test_a_shortage_during_anothers_partial_hold_is_looked_at_again(
    orders: DynamoOrderStore, dynamodb: Any, lines: tuple[Any, ...]
) -> None:
    """The other order gives up meanwhile, and what it held goes to this one."""
    another = AnotherOrder(orders, dynamodb)
    another.hold_partly()
    order = claimed(orders, an_order(lines=lines))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        another.give_up()

    stock = DynamoStock(dynamodb, INVENTORY, ORDERS, pause=pause, now=lambda: NOW + 1)
    assert stock.reserve(order, lines, CLAIM, LATER) is None
    assert (pauses, on_hand(dynamodb)) == ([1.0], 0)


def test_a_shortage_that_stays_is_final_after_the_second_look(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    AnotherOrder(orders, dynamodb).hold_partly()
    order = claimed(orders, an_order(lines=SMALL))
    pauses: list[float] = []
    stock = DynamoStock(dynamodb, INVENTORY, ORDERS, pause=pauses.append, now=lambda: NOW + 1)
    assert stock.reserve(order, SMALL, CLAIM, LATER) == Shortage(("sku-0000",))
    assert pauses == [1.0]


def test_a_partial_hold_of_long_ago_is_not_waited_for(orders: DynamoOrderStore, dynamodb: Any) -> None:
    AnotherOrder(orders, dynamodb).hold_partly()
    order = claimed(orders, an_order(lines=SMALL))
    pauses: list[float] = []
    after = NOW + PARTIAL_HOLD_SECONDS
    stock = DynamoStock(dynamodb, INVENTORY, ORDERS, pause=pauses.append, now=lambda: after)
    assert stock.reserve(order, SMALL, CLAIM, LATER) == Shortage(("sku-0000",))
    assert pauses == []
