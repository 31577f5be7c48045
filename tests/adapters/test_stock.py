"""Reservation and release: all or nothing, never below zero, resumed after a crash.

Orders of 99 SKUs and fewer are one transaction, larger ones several: both keep the same promises. Here a
transaction takes four actions instead of DynamoDB's hundred, so that an order of six SKUs is three
chunks; `test_stock_at_size.py` has the true numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.adapters.dynamodb import stock as stock_module
from lambdas.adapters.dynamodb import stock_moves
from lambdas.domain.errors import ClaimLost, OrderCorrupt, StoreUnavailable
from lambdas.domain.fulfilment import Shortage
from lambdas.domain.order import FulfillmentStatus, Line
from tests.adapters.examples import MUCH_LATER, claim_order, many_lines, put_stock, stored
from tests.adapters.shop import ON_HAND, Shop, open_shop
from tests.adapters.tables import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

FOREIGN = "ord_a-execution-2"
SMALL_AND_LARGE = pytest.mark.parametrize("skus", [2, 6])


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two SKUs, each with its claim check and its marker; three SKUs at once with the head."""
    monkeypatch.setattr(stock_module, "SKUS_WITH_HEAD", 3)
    monkeypatch.setattr(stock_moves, "SKUS_WITH_MARKER", 2)


@pytest.fixture
def shop_of(orders: DynamoOrderStore) -> Callable[[tuple[Line, ...]], Shop]:
    return lambda lines: open_shop(orders, lines)


@pytest.fixture
def shop(orders: DynamoOrderStore, skus: int) -> Shop:
    return open_shop(orders, many_lines(skus, quantity=3))


def crash_after(transactions: int) -> Callable[[str, int], Exception | None]:
    """The function dies: no call gets through after that many transactions."""
    gone = ReadTimeoutError(endpoint_url="dynamodb")
    return lambda name, number: gone if name == "transact_write_items" and number > transactions else None


def lost_answer(transaction: int) -> Callable[[str, int], Exception | None]:
    """That transaction works, and nobody hears of it."""
    gone = ReadTimeoutError(endpoint_url="dynamodb")
    return lambda name, number: gone if name == "transact_write_items" and number == transaction else None


def test_several_lines_of_one_sku_are_added_up(shop_of: Callable[[tuple[Line, ...]], Shop]) -> None:
    shop = shop_of((Line("mug", 3, 100), Line("tea", 1, 100), Line("mug", 4, 90, price_id="trade")))
    assert shop.reserve() is None
    assert shop.on_hand() == {"mug": 3, "tea": 9}


def test_several_lines_of_one_sku_that_are_too_many_together_are_a_shortage(
    shop_of: Callable[[tuple[Line, ...]], Shop],
) -> None:
    shop = shop_of((Line("mug", 6, 100), Line("tea", 1, 100), Line("mug", 5, 100)))
    assert shop.reserve() == Shortage(("mug",))
    assert shop.on_hand() == shop.full


@SMALL_AND_LARGE
@pytest.mark.parametrize(
    "left", [{"sku-0001": 2}, {"sku-0000": 0, "sku-0001": 1}], ids=["one short", "two short"]
)
def test_a_shortage_names_its_skus_and_holds_nothing(
    shop: Shop, orders: DynamoOrderStore, left: dict[str, int]
) -> None:
    put_stock(shop.client.client, left)
    assert shop.reserve() == Shortage(tuple(left))
    assert shop.on_hand() == {**shop.full, **left}
    assert stored(orders, shop.order).fulfillment_status is FulfillmentStatus.UNRESERVED
    assert (shop.markers(), shop.pauses) == (0, [])


@pytest.mark.parametrize(("skus", "ending"), [(2, None), (6, "out_of_stock")])
def test_only_a_large_order_has_to_keep_that_it_found_too_little(
    shop: Shop, orders: DynamoOrderStore, ending: str | None
) -> None:
    """A small one's goods are held with its head, or not at all."""
    put_stock(shop.client.client, {"sku-0001": 2})
    assert shop.reserve()
    head = stored(orders, shop.order)
    assert (head.ending, head.revision - shop.order.revision) == (ending, 1 if ending else 0)


@SMALL_AND_LARGE
def test_a_product_that_is_no_longer_there_is_a_shortage(shop: Shop) -> None:
    shop.client.client.delete_item(TableName=INVENTORY, Key={"sku": {"S": "sku-0001"}})
    assert shop.reserve() == Shortage(("sku-0001",))
    assert set(shop.on_hand().values()) == {ON_HAND}


def test_a_shortage_of_a_large_order_is_found_without_holding_anything(
    shop_of: Callable[[tuple[Line, ...]], Shop],
) -> None:
    shop = shop_of(many_lines(6, quantity=3))
    put_stock(shop.client.client, {"sku-0005": 2})
    assert shop.reserve() == Shortage(("sku-0005",))
    assert shop.client.count("transact_write_items") == 0


def test_a_shortage_that_arises_between_two_chunks_gives_the_first_ones_back(
    shop_of: Callable[[tuple[Line, ...]], Shop],
) -> None:
    shop = shop_of(many_lines(7, quantity=3))

    def sell_out(name: str, number: int) -> None:
        if (name, number) == ("transact_write_items", 3):
            put_stock(shop.client.client, {"sku-0005": 1})

    shop.client.before = sell_out
    assert shop.reserve() == Shortage(("sku-0005",))
    assert shop.on_hand() == {**shop.full, "sku-0005": 1}
    assert shop.markers() == 0


@pytest.mark.parametrize("done", range(5))
def test_a_crash_between_chunks_is_resumed_forward(
    shop_of: Callable[[tuple[Line, ...]], Shop], orders: DynamoOrderStore, done: int
) -> None:
    """Three chunks and the head: it dies after each of them, and after none and all."""
    shop = shop_of(many_lines(6, quantity=3))
    shop.client.before = crash_after(done)
    if done < 4:
        with pytest.raises(StoreUnavailable):
            shop.reserve()
        assert shop.markers() == min(done, 3)
    shop.client.before = lambda _name, _number: None
    assert shop.reserve() is None
    assert shop.on_hand() == shop.held
    assert stored(orders, shop.order).fulfillment_status is FulfillmentStatus.RESERVED


def test_a_shortage_found_when_resuming_gives_the_held_chunks_back(
    shop_of: Callable[[tuple[Line, ...]], Shop],
) -> None:
    shop = shop_of(many_lines(7, quantity=3))
    shop.client.before = crash_after(2)
    with pytest.raises(StoreUnavailable):
        shop.reserve()
    shop.client.before = lambda _name, _number: None
    put_stock(shop.client.client, {"sku-0006": 0})
    assert shop.reserve() == Shortage(("sku-0006",))
    assert shop.on_hand() == {**shop.full, "sku-0006": 0}
    assert shop.markers() == 0


@pytest.mark.parametrize("done", range(4))
def test_what_is_held_of_an_order_that_ends_before_its_reservation_is_given_back(
    shop_of: Callable[[tuple[Line, ...]], Shop], done: int
) -> None:
    """It died between chunks, and its payment expired before the next try."""
    shop = shop_of(many_lines(6, quantity=3))
    shop.client.before = crash_after(done)
    with pytest.raises(StoreUnavailable):
        shop.reserve()
    shop.client.before = lambda _name, _number: None
    shop.release_partial()
    shop.release_partial()
    assert shop.on_hand() == shop.full
    assert shop.markers() == 0


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_chunk_whose_answer_was_lost_is_not_taken_twice(
    shop_of: Callable[[tuple[Line, ...]], Shop], lost: int
) -> None:
    """Also when the stock would not do for a second time."""
    shop = shop_of(many_lines(4, quantity=6))
    shop.client.after = lost_answer(lost)
    with pytest.raises(StoreUnavailable):
        shop.reserve()
    shop.client.after = lambda _name, _number: None
    assert shop.reserve() is None
    assert shop.on_hand() == shop.held


@pytest.mark.parametrize("quantity", [3, 6], ids=["enough for twice", "not enough for twice"])
def test_a_small_reservation_that_had_worked_before_counts_as_done(
    shop_of: Callable[[tuple[Line, ...]], Shop], quantity: int
) -> None:
    shop = shop_of(many_lines(2, quantity))
    assert shop.reserve() is None
    assert shop.reserve() is None
    assert shop.on_hand() == shop.held


@SMALL_AND_LARGE
def test_an_execution_that_lost_its_claim_holds_nothing(shop: Shop, orders: DynamoOrderStore) -> None:
    taken = claim_order(orders, shop.order.order_id, FOREIGN, MUCH_LATER)
    with pytest.raises(ClaimLost):
        shop.reserve()
    assert shop.on_hand() == shop.full
    assert (stored(orders, shop.order), shop.markers()) == (taken, 0)


def test_a_lost_claim_is_told_before_a_shortage(
    shop_of: Callable[[tuple[Line, ...]], Shop], orders: DynamoOrderStore
) -> None:
    """Whoever lost the order must not reject it."""
    shop = shop_of(many_lines(2, quantity=3))
    put_stock(shop.client.client, {"sku-0001": 0})
    claim_order(orders, shop.order.order_id, FOREIGN, MUCH_LATER)
    with pytest.raises(ClaimLost):
        shop.reserve()


@pytest.mark.parametrize("skus", [1, 3, 4])
def test_a_release_gives_exactly_what_was_held_back(shop: Shop, orders: DynamoOrderStore) -> None:
    shop.reserve()
    shop.release(stored(orders, shop.order))
    assert shop.on_hand() == shop.full
    assert stored(orders, shop.order).fulfillment_status is FulfillmentStatus.RELEASED
    assert shop.markers() == 0


@SMALL_AND_LARGE
def test_a_release_made_twice_gives_back_once(shop: Shop, orders: DynamoOrderStore) -> None:
    shop.reserve()
    held = stored(orders, shop.order)
    shop.release(held)
    shop.release(held)
    assert shop.on_hand() == shop.full


@pytest.mark.parametrize("done", range(1, 4))
def test_a_release_that_crashed_between_chunks_is_resumed(
    shop_of: Callable[[tuple[Line, ...]], Shop], orders: DynamoOrderStore, done: int
) -> None:
    shop = shop_of(many_lines(6, quantity=3))
    shop.reserve()
    held = stored(orders, shop.order)
    shop.client.before = crash_after(shop.client.count("transact_write_items") + done)
    with pytest.raises(StoreUnavailable):
        shop.release(held)
    shop.client.before = lambda _name, _number: None
    shop.release(held)
    assert shop.on_hand() == shop.full
    assert stored(orders, shop.order).fulfillment_status is FulfillmentStatus.RELEASED


@SMALL_AND_LARGE
def test_a_release_without_the_claim_gives_nothing_back(shop: Shop, orders: DynamoOrderStore) -> None:
    shop.reserve()
    held = stored(orders, shop.order)
    claim_order(orders, shop.order.order_id, FOREIGN, MUCH_LATER)
    with pytest.raises(ClaimLost):
        shop.release(held)
    assert shop.on_hand() == shop.held


@SMALL_AND_LARGE
def test_goods_of_a_product_that_is_gone_cannot_be_given_back_in_silence(
    shop: Shop, orders: DynamoOrderStore
) -> None:
    shop.reserve()
    shop.client.client.delete_item(TableName=INVENTORY, Key={"sku": {"S": "sku-0001"}})
    with pytest.raises(OrderCorrupt, match="sku-0001"):
        shop.release(stored(orders, shop.order))
