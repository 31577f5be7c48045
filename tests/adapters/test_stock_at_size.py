"""Reservations at the limits of DynamoDB's transactions: 100 actions, and orders beyond that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.catalogue import product_to_item
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.catalogue import Product
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, quantities_by_sku
from tests.adapters.examples import CLAIM, LATER, an_order, many_lines, stored
from tests.adapters.shop import open_shop
from tests.adapters.tables import INVENTORY, ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

MAX_ACTIONS = 100


class Plenty:
    """Says yes to every transaction and remembers it: moto takes ten seconds for one of 675 SKUs."""

    def __init__(self) -> None:
        self.transactions: list[list[dict[str, Any]]] = []

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": []}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        keys = RequestItems[INVENTORY]["Keys"]
        products = [Product(key["sku"]["S"], "GBP", {"list": 1}, on_hand=9) for key in keys]
        return {"Responses": {INVENTORY: [product_to_item(product) for product in products]}}

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803 - AWS's name
        self.transactions.append(TransactItems)


@pytest.mark.parametrize(("skus", "transactions"), [(99, 1), (100, 3)])
def test_a_reservation_takes_what_is_ordered_and_a_release_gives_it_back(
    orders: DynamoOrderStore, skus: int, transactions: int
) -> None:
    """In chunks of at most 98 SKUs, and a transaction of the head's own after them."""
    shop = open_shop(orders, many_lines(skus, quantity=3))
    assert shop.reserve() is None
    assert shop.on_hand() == shop.held
    head = stored(orders, shop.order)
    assert (head.fulfillment_status, head.payment_status) == (
        FulfillmentStatus.RESERVED,
        PaymentStatus.AUTHORIZED,
    )
    assert (head.revision, head.claim) == (shop.order.revision + 1, CLAIM)
    assert shop.client.count("transact_write_items") == transactions
    shop.release(head)
    assert shop.on_hand() == shop.full


def test_an_order_of_675_skus_takes_each_once_in_transactions_that_dynamodb_allows() -> None:
    client, lines = Plenty(), many_lines(675, quantity=3)
    assert DynamoStock(client, INVENTORY, ORDERS).reserve(an_order(lines=lines), lines, CLAIM, LATER) is None
    taken = [
        (action["Update"]["Key"]["sku"]["S"], action["Update"]["ExpressionAttributeValues"][":move"])
        for actions in client.transactions
        for action in actions
        if action.get("Update", {}).get("TableName") == INVENTORY
    ]
    assert taken == [(sku, {"N": f"-{quantity}"}) for sku, quantity in quantities_by_sku(lines).items()]
    head_and_markers = 1 + 7
    assert [len(actions) for actions in client.transactions] == (
        [MAX_ACTIONS] * 6 + [675 - 6 * 98 + 2, head_and_markers]
    )
