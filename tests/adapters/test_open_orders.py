"""What the watchdog reads of the sparse index, and where it keeps what is left of a round."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.open_orders import PAGE, DynamoOpenOrders
from lambdas.adapters.dynamodb.order_items import HEAD, head_key, open_partition, open_partitions
from lambdas.domain.identifiers import OrderId
from lambdas.domain.open_orders import EARLIEST, Round
from lambdas.domain.timestamps import to_text
from lambdas.domain.transitions import completed, handed_back, needs_attention, rejected
from tests.adapters.examples import CLAIM, LATER, an_order, claimed, stored
from tests.adapters.tables import ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order

BEGAN = datetime(2026, 11, 20, 10, tzinfo=UTC)
ALL = Round(EARLIEST, "2027-01-01T00:00:00.000Z")


def accepted(n: int) -> str:
    """The time of the n-th order."""
    return to_text(BEGAN + timedelta(seconds=n))


def numbered(n: int, shard: int | None = None) -> Order:
    """The n-th order, which lies in the n-th partition in turn, or in the one that is named."""
    order = an_order(f"key-{n}", accepted_at=accepted(n))
    place = n % len(open_partitions()) if shard is None else shard
    return replace(order, request_hash=f"{place:02x}" + order.request_hash[2:])


def put_entries(client: Any, *orders: Order) -> None:
    """Write what the index is made from, in batches."""
    writes = [
        {
            "PutRequest": {
                "Item": {
                    "order_id": {"S": order.order_id},
                    "item": {"S": HEAD},
                    "open": {"S": open_partition(order)},
                    "accepted_at": {"S": order.accepted_at},
                }
            }
        }
        for order in orders
    ]
    for start in range(0, len(writes), 25):
        client.batch_write_item(RequestItems={ORDERS: writes[start : start + 25]})


class Counting:
    """A client that counts its queries and otherwise is the real one."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.queries = 0

    def query(self, **parameters: Any) -> Any:
        self.queries += 1
        return self.client.query(**parameters)


@pytest.fixture
def open_orders(dynamodb: Any) -> DynamoOpenOrders:
    return DynamoOpenOrders(dynamodb, ORDERS)


def test_every_partition_is_merged_by_time(open_orders: DynamoOpenOrders, dynamodb: Any) -> None:
    orders = [numbered(n) for n in range(40)]
    assert {open_partition(order) for order in orders} == set(open_partitions())
    put_entries(dynamodb, *reversed(orders))
    found = list(open_orders.oldest(ALL))
    assert [(entry.accepted_at, entry.order_id) for entry in found] == [
        (order.accepted_at, order.order_id) for order in orders
    ]


def test_a_full_partition_is_read_page_by_page_and_the_others_beside_it(
    open_orders: DynamoOpenOrders, dynamodb: Any
) -> None:
    full = [numbered(n, shard=3) for n in range(PAGE + 10)]
    between = replace(numbered(5, shard=5), order_id=OrderId("ord_between"))
    put_entries(dynamodb, *full, between)
    found = list(open_orders.oldest(ALL))
    assert len(found) == PAGE + 11
    assert [entry.accepted_at for entry in found] == sorted(entry.accepted_at for entry in found)
    assert [entry.order_id for entry in found].index(between.order_id) in {5, 6}


def test_what_is_not_taken_is_not_read(dynamodb: Any) -> None:
    put_entries(dynamodb, *(numbered(n, shard=0) for n in range(2 * PAGE + 1)))
    counting = Counting(dynamodb)
    entries = DynamoOpenOrders(counting, ORDERS).oldest(ALL)
    assert counting.queries == 0
    assert len(list(islice(entries, 10))) == 10
    assert counting.queries == len(open_partitions())
    assert len(list(entries)) == 2 * PAGE - 9
    assert counting.queries == len(open_partitions()) + 2


def test_a_round_has_both_its_ends(open_orders: DynamoOpenOrders, dynamodb: Any) -> None:
    put_entries(dynamodb, *(numbered(n) for n in range(10)))
    found = open_orders.oldest(Round(accepted(2), accepted(5)))
    assert [entry.accepted_at for entry in found] == [accepted(n) for n in (2, 3, 4, 5)]


def test_ended_orders_are_not_open_and_those_that_wait_for_a_person_are(
    open_orders: DynamoOpenOrders, orders: DynamoOrderStore
) -> None:
    waiting = needs_attention(claimed(orders, an_order("waits")), LATER, "fulfil:WarehouseUnavailable")
    for order in (
        waiting,
        completed(claimed(orders, an_order("sold")), LATER),
        rejected(claimed(orders, an_order("not sold")), LATER, "out_of_stock"),
    ):
        orders.save(order, CLAIM)
    assert [entry.order_id for entry in open_orders.oldest(ALL)] == [waiting.order_id]


def test_heads_come_as_they_are_stored(open_orders: DynamoOpenOrders, orders: DynamoOrderStore) -> None:
    made = [an_order(f"key-{n}") for n in range(120)]
    for order in made:
        orders.create(order)
    assert orders.amend(handed_back(made[7], LATER))
    gone = OrderId("ord_gone")
    heads = open_orders.heads([gone, *(order.order_id for order in made)])
    assert heads.unreadable == ()
    found = {order.order_id: order for order in heads.orders}
    assert len(found) == 120
    assert found[made[7].order_id] == stored(orders, made[7])
    assert found[made[7].order_id].handed_back == 1


@pytest.mark.parametrize(
    ("name", "value"), [("status", {"S": "lost"}), ("revision", None), ("timeline", {"S": "torn"})]
)
def test_a_head_that_cannot_be_read_does_not_hide_the_others(
    open_orders: DynamoOpenOrders, orders: DynamoOrderStore, dynamodb: Any, name: str, value: Any
) -> None:
    good, torn = an_order("good"), an_order("torn")
    orders.create(good)
    orders.create(torn)
    item = dynamodb.get_item(TableName=ORDERS, Key=head_key(torn.order_id))["Item"]
    item = {key: v for key, v in {**item, name: value}.items() if v is not None}
    dynamodb.put_item(TableName=ORDERS, Item=item)
    heads = open_orders.heads([torn.order_id, good.order_id])
    assert [order.order_id for order in heads.orders] == [good.order_id]
    assert heads.unreadable == (torn.order_id,)


def test_what_is_left_of_a_round_is_kept_until_it_is_done(
    open_orders: DynamoOpenOrders, dynamodb: Any
) -> None:
    assert open_orders.unfinished_round() is None
    for left in (Round(accepted(1), accepted(9)), Round(accepted(5), accepted(9)), None, None):
        open_orders.save_round(left)
        assert DynamoOpenOrders(dynamodb, ORDERS).unfinished_round() == left


def test_what_is_left_of_a_round_is_no_order(open_orders: DynamoOpenOrders, dynamodb: Any) -> None:
    open_orders.save_round(Round(accepted(1), accepted(9)))
    assert list(open_orders.oldest(ALL)) == []
    assert dynamodb.scan(TableName=ORDERS, IndexName="by_client")["Items"] == []
