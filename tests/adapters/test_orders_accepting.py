"""Accepting and reading orders in DynamoDB: once per id, lines and all, each client its own."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.order_items import head_key, lines_key
from lambdas.domain.errors import OrderCorrupt
from lambdas.domain.identifiers import ClientId
from lambdas.domain.order import Line
from lambdas.domain.order_store import InvalidCursor
from tests.adapters.examples import CLIENT, an_order, claimed, many_lines, stored
from tests.adapters.recording import RecordingClient
from tests.adapters.tables import ORDERS

if TYPE_CHECKING:
    from lambdas.domain.order import Order

OTHER_CLIENT = ClientId("shop-2")


def cursor_of(*position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def accept_seven(orders: DynamoOrderStore, client: ClientId = CLIENT) -> list[Order]:
    """Accept an order in each of seven minutes; returned newest first."""
    made = [an_order(f"k{n}", client=client, accepted_at=f"2026-11-20T10:0{n}:00.000Z") for n in range(7)]
    for order in made:
        orders.create(order)
    return made[::-1]


@pytest.mark.parametrize(
    "order",
    [
        an_order(),
        an_order(reference="PO 4711 / ünïcode"),
        an_order(lines=(Line("gift", 3, 0),), payment_method=None),
        an_order(lines=(Line("mug", 1, 999, 2000, "trade"),)),
    ],
    ids=["two lines", "with a reference", "free", "other price point"],
)
def test_a_small_order_comes_back_whole_from_one_item(orders: DynamoOrderStore, order: Order) -> None:
    assert orders.create(order) is None
    assert orders.get(order.order_id) == order
    assert orders.lines_of(stored(orders, order)) == order.lines


def test_lines_of_a_675_line_order_come_back_from_their_own_item(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    order = an_order(lines=many_lines(675))
    assert orders.create(order) is None
    found = stored(orders, order)
    assert found == replace(order, lines=None)
    assert orders.lines_of(found) == order.lines
    items = dynamodb.scan(
        TableName=ORDERS, ProjectionExpression="#i", ExpressionAttributeNames={"#i": "item"}
    )
    assert {i["item"]["S"] for i in items["Items"]} == {"HEAD", f"LINES#{order.lines_digest}"}


def test_an_unknown_order_is_none(orders: DynamoOrderStore) -> None:
    assert orders.get(an_order().order_id) is None


@pytest.mark.parametrize("count", [1, 60])
def test_the_same_id_again_returns_the_order_that_has_it_and_changes_nothing(
    orders: DynamoOrderStore, count: int
) -> None:
    first = an_order(lines=many_lines(count))
    second = replace(an_order(lines=many_lines(count, quantity=9)), order_id=first.order_id)
    orders.create(first)
    existing = orders.create(second)
    assert existing is not None
    assert (existing.lines_digest, existing.total) == (first.lines_digest, first.total)
    assert orders.lines_of(stored(orders, first)) == first.lines


def test_another_submission_that_lost_the_race_leaves_the_accepted_lines_alone(dynamodb: Any) -> None:
    """Between the look and the conditional write of the second, the first one is accepted."""
    first, second = (an_order(lines=many_lines(60, quantity)) for quantity in (1, 2))
    plain = DynamoOrderStore(dynamodb, ORDERS)
    racing = RecordingClient(dynamodb)

    def accept_first(name: str, number: int) -> None:
        if (name, number) == ("put_item", 1):
            plain.create(first)

    racing.before = accept_first
    existing = DynamoOrderStore(racing, ORDERS).create(second)
    assert existing is not None
    assert existing.request_hash == first.request_hash
    assert plain.lines_of(stored(plain, first)) == first.lines


def test_an_order_whose_lines_are_gone_is_corrupt(orders: DynamoOrderStore, dynamodb: Any) -> None:
    order = an_order(lines=many_lines(60))
    orders.create(order)
    dynamodb.delete_item(TableName=ORDERS, Key=lines_key(order))
    with pytest.raises(OrderCorrupt):
        orders.lines_of(stored(orders, order))


def test_lines_that_are_not_the_accepted_ones_are_corrupt(orders: DynamoOrderStore) -> None:
    order = an_order()
    changed = replace(order, lines=(Line("mug-blue", 1, 1), *(order.lines or ())[1:]))
    with pytest.raises(OrderCorrupt):
        orders.lines_of(changed)


def test_pages_show_the_clients_orders_newest_first_each_once(orders: DynamoOrderStore) -> None:
    expected = [order.order_id for order in accept_seven(orders)]
    accept_seven(orders, OTHER_CLIENT)
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = orders.page(CLIENT, cursor, 3)
        seen += [order.order_id for order in page.orders]
        cursor, pages = page.cursor, pages + 1
    assert (seen, pages) == (expected, 3)


def test_a_page_shows_orders_as_they_stand_now(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    assert orders.page(CLIENT, None, 10).orders == (order,)


def test_a_client_without_orders_sees_an_empty_last_page(orders: DynamoOrderStore) -> None:
    accept_seven(orders)
    page = orders.page(OTHER_CLIENT, None, 10)
    assert (page.orders, page.cursor) == ((), None)


def test_a_cursor_neither_names_nor_chooses_the_client(orders: DynamoOrderStore) -> None:
    accept_seven(orders)
    theirs = accept_seven(orders, OTHER_CLIENT)
    cursor = orders.page(CLIENT, None, 3).cursor
    assert cursor is not None
    assert CLIENT not in base64.urlsafe_b64decode(cursor + "==").decode()
    page = orders.page(OTHER_CLIENT, cursor, 10)
    assert {order.client for order in page.orders} <= {OTHER_CLIENT}
    assert {order.order_id for order in page.orders} <= {order.order_id for order in theirs}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "ünïcode",
        "AAAA",
        cursor_of(),
        cursor_of("a"),
        cursor_of("a", "b"),
        cursor_of("a", 5),
        cursor_of("a", "2026-11-20T10:00:00.000Z", "c"),
        cursor_of("", "2026-11-20T10:00:00.000Z"),
        cursor_of("o" * 3000, "2026-11-20T10:00:00.000Z"),
        cursor_of(["ord"], "2026-11-20T10:00:00.000Z"),
        base64.urlsafe_b64encode(b"5").decode(),
        base64.urlsafe_b64encode(b"[" * 6000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode(),
    ],
    ids=lambda cursor: cursor[:24],
)
def test_a_cursor_that_was_not_made_here_is_refused(orders: DynamoOrderStore, cursor: str) -> None:
    """Keys of DynamoDB are 1 to 2,048 bytes: an id beyond that would be its error, and our 500."""
    with pytest.raises(InvalidCursor):
        orders.page(CLIENT, cursor, 3)


def test_the_head_is_read_consistently(dynamodb: Any) -> None:
    recording = RecordingClient(dynamodb)
    DynamoOrderStore(recording, ORDERS).get(an_order().order_id)
    ((_, parameters),) = recording.calls
    assert parameters == {"TableName": ORDERS, "Key": head_key(an_order().order_id), "ConsistentRead": True}
