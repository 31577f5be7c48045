"""Putting refunded goods back: all or nothing, once, resumed after a crash.

Small refunds are one transaction with head and refund, large ones several chunks with a marker each; here a
transaction takes four actions, as in `test_stock.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from lambdas.adapters.dynamodb import stock as stock_module
from lambdas.adapters.dynamodb import stock_moves
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.errors import ClaimLost, OrderCorrupt, StoreUnavailable
from lambdas.domain.order import RefundSums, Status
from lambdas.domain.refund import Refund, RefundLine, quantities_to_restock
from lambdas.domain.transitions import next_key_generation, restocked
from tests.adapters.examples import CLAIM, many_lines, put_stock, stored
from tests.adapters.recording import RecordingClient, cancelled
from tests.adapters.refund_examples import a_refund, booking, claim_sold, sold
from tests.adapters.tables import INVENTORY, ORDERS
from tests.adapters.test_stock import crash_after, lost_answer

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order

FOREIGN = "ord_a-execution-2"
EVEN_LATER = "2026-11-20T12:00:00.000Z"
ON_HAND = 7
# Two SKUs with head and refund are four actions; six SKUs are three chunks, and head and refund.
SMALL_AND_LARGE = pytest.mark.parametrize("skus", [2, 6])


@pytest.fixture(autouse=True)
def short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two SKUs at once with head and refund; chunks of two with claim check and marker."""
    monkeypatch.setattr(stock_module, "SKUS_WITH_HEAD_AND_REFUND", 2)
    monkeypatch.setattr(stock_moves, "SKUS_WITH_MARKER", 2)


@dataclass
class Return:
    """A sold order, a refund of all of it whose money is back, and the stock that waits for the goods."""

    client: RecordingClient
    stock: DynamoStock
    orders: DynamoOrderStore
    order: Order
    refund: Refund
    pauses: list[float]

    def restock(self, at: str = EVEN_LATER, claim: str = CLAIM) -> None:
        order = stored(self.orders, self.order)
        if order.claim == claim or claim != CLAIM:
            self.order = order
        done = replace(self.refund, restocked=True, updated_at=at)
        quantities = quantities_to_restock(self.refund, self.orders.lines_of(self.order))
        self.stock.restock(restocked(self.order, at), done, quantities, claim)

    def on_hand(self) -> set[int]:
        items = self.client.client.scan(TableName=INVENTORY)["Items"]
        return {int(item["on_hand"]["N"]) for item in items}

    def markers(self) -> list[str]:
        items = self.client.client.scan(TableName=ORDERS)["Items"]
        return [item["item"]["S"] for item in items if item["item"]["S"].startswith("RESTOCK#")]

    def assert_done(self) -> None:
        assert self.on_hand() == {ON_HAND + 3}
        head = stored(self.orders, self.order)
        assert (head.status, head.claim, head.open) == (Status.COMPLETED, None, False)
        assert head.refunds == RefundSums(reserved=1000, refunded=1000, tax=167)
        refunds = DynamoRefunds(self.client.client, ORDERS)
        found = refunds.refund(head.order_id, self.refund.refund_id)
        assert found
        assert (found.restocked, found.finished) == (True, True)


@pytest.fixture
def back(orders: DynamoOrderStore, skus: int) -> Return:
    return come_back(orders, skus)


def come_back(orders: DynamoOrderStore, skus: int) -> Return:
    """Sell an order of so many SKUs, three of each, and refund the money of all."""
    lines = many_lines(skus, quantity=3)
    put_stock(orders.client, dict.fromkeys((line.sku for line in lines), ON_HAND))
    order = sold(orders, lines=lines)
    parts = tuple(RefundLine(number, 3) for number in range(1, skus + 1))
    asked = a_refund(lines=parts, restock=True)
    refunds = DynamoRefunds(orders.client, ORDERS)
    opened = replace(
        order, revision=order.revision + 1, refunds=RefundSums(reserved=asked.amount, unfinished=1)
    )
    assert refunds.request(opened, asked)
    after, _, done = booking(claim_sold(orders, opened), asked)
    refunds.save_refund(after, done, CLAIM)
    client = RecordingClient(orders.client)
    pauses: list[float] = []
    stock = DynamoStock(client, INVENTORY, ORDERS, pause=pauses.append)
    return Return(client, stock, orders, stored(orders, order), done, pauses)


@SMALL_AND_LARGE
def test_everything_is_back_on_hand_and_the_refund_is_over(back: Return) -> None:
    back.restock()
    back.assert_done()
    assert not back.client.client.scan(TableName=ORDERS, IndexName="open_orders")["Items"]


@pytest.mark.parametrize("skus", [2, 6, 7])
def test_a_refund_is_as_many_transactions_as_it_needs(back: Return) -> None:
    back.restock()
    assert back.client.count("transact_write_items") == {2: 1, 6: 4, 7: 5}[len(back.refund.lines)]
    assert len(back.markers()) == {2: 0, 6: 3, 7: 4}[len(back.refund.lines)]
    assert all(back.refund.refund_id in marker for marker in back.markers())


@pytest.mark.parametrize("done", range(5))
def test_a_crash_between_chunks_is_resumed_forward(orders: DynamoOrderStore, done: int) -> None:
    back = come_back(orders, 6)
    back.client.before = crash_after(done)
    if done < 4:
        with pytest.raises(StoreUnavailable):
            back.restock()
        assert len(back.markers()) == min(done, 3)
    back.client.before = lambda _name, _number: None
    back.restock()
    back.assert_done()


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
def test_a_chunk_whose_answer_was_lost_is_not_put_back_twice(orders: DynamoOrderStore, lost: int) -> None:
    back = come_back(orders, 6)
    back.client.after = lost_answer(lost)
    with pytest.raises(StoreUnavailable):
        back.restock()
    back.client.after = lambda _name, _number: None
    back.restock()
    back.assert_done()


def test_a_small_restock_whose_answer_was_lost_is_not_made_twice(orders: DynamoOrderStore) -> None:
    back = come_back(orders, 2)
    back.client.after = lost_answer(1)
    with pytest.raises(StoreUnavailable):
        back.restock()
    back.client.after = lambda _name, _number: None
    back.restock()
    back.assert_done()


def test_a_chunk_that_a_copy_put_back_between_reading_and_writing_counts_as_done(
    orders: DynamoOrderStore,
) -> None:
    back = come_back(orders, 6)
    copy = replace(back, client=RecordingClient(orders.client))
    copy.stock = replace(back.stock, client=copy.client)

    def overtake(name: str, number: int) -> None:
        if (name, number) == ("transact_write_items", 1):
            copy.client.before = crash_after(2)
            with pytest.raises(StoreUnavailable):
                copy.restock()

    back.client.before = overtake
    back.restock()
    back.assert_done()


@SMALL_AND_LARGE
def test_an_execution_that_lost_its_claim_puts_nothing_back(back: Return) -> None:
    taken = back.orders.claim_completed(back.order.order_id, FOREIGN, 9_999_999_999, EVEN_LATER)
    with pytest.raises(ClaimLost):
        back.restock()
    assert (back.on_hand(), back.markers()) == ({ON_HAND}, [])
    assert stored(back.orders, back.order) == taken


def test_whoever_takes_over_goes_on_where_the_last_one_stopped(orders: DynamoOrderStore) -> None:
    back = come_back(orders, 6)
    back.client.before = crash_after(2)
    with pytest.raises(StoreUnavailable):
        back.restock()
    back.client.before = lambda _name, _number: None
    back.orders.claim_completed(back.order.order_id, FOREIGN, 9_999_999_999, EVEN_LATER)
    back.restock(claim=FOREIGN)
    back.assert_done()


@SMALL_AND_LARGE
def test_a_head_that_was_changed_meanwhile_is_to_be_read_anew(back: Return, skus: int) -> None:
    stale = back.order
    back.orders.save(next_key_generation(stale, EVEN_LATER), CLAIM)
    quantities = quantities_to_restock(back.refund, back.orders.lines_of(stale))
    done = replace(back.refund, restocked=True)
    with pytest.raises(StoreUnavailable):
        back.stock.restock(restocked(stale, EVEN_LATER), done, quantities, CLAIM)
    assert back.on_hand() == ({ON_HAND} if skus == 2 else {ON_HAND + 3})
    back.restock()
    back.assert_done()


@SMALL_AND_LARGE
def test_goods_of_a_product_that_is_gone_cannot_be_put_back_in_silence(back: Return) -> None:
    back.client.client.delete_item(TableName=INVENTORY, Key={"sku": {"S": "sku-0001"}})
    with pytest.raises(OrderCorrupt, match="sku-0001"):
        back.restock()
    assert stored(back.orders, back.order).open
    put_stock(back.client.client, {"sku-0001": ON_HAND})
    back.restock()
    back.assert_done()


@SMALL_AND_LARGE
def test_stock_that_others_move_is_tried_again(back: Return) -> None:
    def conflict(name: str, number: int) -> Exception | None:
        if name == "transact_write_items" and number == 1:
            return cancelled("TransactionConflict", *["None"] * 3)
        return None

    back.client.before = conflict
    back.restock()
    assert len(back.pauses) == 1
    back.assert_done()


def test_two_refunds_of_a_large_order_have_markers_of_their_own(orders: DynamoOrderStore) -> None:
    back = come_back(orders, 6)
    back.restock()
    other = replace(back.refund, refund_id=a_refund("other").refund_id)
    markers = back.stock._chunked(CLAIM).markers
    assert not {m for m in back.markers() if str(other.refund_id) in m}
    assert markers(back.order, f"RESTOCK#{other.refund_id}") == set()
    assert markers(back.order, f"RESTOCK#{back.refund.refund_id}") == {0, 1, 2}
    assert markers(back.order) == set(), "a reservation has its own"
