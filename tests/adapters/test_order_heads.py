"""All heads of the orders table, page by page, and an order's entries by their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.ledger import entry_values
from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.adapters.dynamodb.order_heads import DynamoOrderHeads
from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import capture_entry
from lambdas.domain.sealing import EntryKey, Unreadable
from tests.adapters.examples import LATER, an_order, many_lines
from tests.adapters.tables import LEDGER, ORDERS

OTHER = OrderId("ord_" + "b" * 26)
BROKEN = OrderId("ord_" + "c" * 26)


def test_all_heads_are_found_and_nothing_else(dynamodb: Any) -> None:
    orders = DynamoOrderStore(dynamodb, ORDERS)
    one, large = an_order(), replace(an_order(lines=many_lines(120)), order_id=OTHER)
    for order in (one, large):
        orders.create(order)
    dynamodb.put_item(TableName=ORDERS, Item=to_item({"order_id": BROKEN, "item": "HEAD", "status": "odd"}))
    dynamodb.put_item(TableName=ORDERS, Item=to_item({"order_id": "watchdog", "item": "ROUND"}))
    heads = DynamoOrderHeads(dynamodb, ORDERS)
    found = {order_id: order for page in heads.pages() for order_id, order in page.items()}
    assert found == {one.order_id: orders.get(one.order_id), OTHER: orders.get(OTHER), BROKEN: None}
    assert heads.of([OTHER, "ord_" + "z" * 26]) == {OTHER: orders.get(OTHER)}


def test_heads_come_page_by_page(dynamodb: Any) -> None:
    orders = DynamoOrderStore(dynamodb, ORDERS)
    ids = [OrderId(f"ord_{letter * 26}") for letter in "abcdefg"]
    for order_id in ids:
        orders.create(replace(an_order(), order_id=order_id))
    paging = _OneByOne(dynamodb)
    pages = [list(page) for page in DynamoOrderHeads(paging, ORDERS).pages()]
    assert sorted(order_id for page in pages for order_id in page) == ids
    assert paging.scans == len(pages) >= len(ids)


def test_an_orders_entries_are_read_by_their_numbers(dynamodb: Any) -> None:
    first = capture_entry(an_order(), LATER, "pi_1")
    second = replace(first, entry_no=2, kind="refund")
    for entry in (second, first):
        dynamodb.put_item(TableName=LEDGER, Item=to_item(entry_values(entry)))
    reader = DynamoEntryReader(dynamodb, LEDGER)
    assert list(reader.of_order(first.order_id)) == [first, second]
    forged = to_item({**entry_values(first), "psp_reference": "pi_2"})
    dynamodb.put_item(TableName=LEDGER, Item=forged)
    (bad, _) = reader.of_order(first.order_id)
    assert isinstance(bad, Unreadable)
    assert bad.key == EntryKey(first.order_id, 1)


class _OneByOne:
    """DynamoDB that scans one item at a time."""

    def __init__(self, client: Any) -> None:
        self.client, self.scans = client, 0

    def scan(self, **query: Any) -> Any:
        """One item."""
        self.scans += 1
        return self.client.scan(**query, Limit=1)
