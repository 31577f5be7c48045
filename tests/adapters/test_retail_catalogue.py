"""The retail import's catalogue in the inventory table: created, topped up once per file, never reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue, product_to_item
from lambdas.domain.catalogue import Product
from lambdas.domain.errors import StoreUnavailable
from orders.retail.catalogue import Wanted
from orders.retail.catalogue_table import MAX_ACTIONS, CatalogueTable
from orders.retail.reasons import Reason
from tests.adapters.recording import RecordingClient, cancelled, client_error
from tests.adapters.tables import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = MAX_ACTIONS + 37


@pytest.fixture
def client(dynamodb: Any) -> RecordingClient:
    """DynamoDB, watched."""
    return RecordingClient(dynamodb)


@pytest.fixture
def table(client: RecordingClient) -> CatalogueTable:
    """The inventory, without waiting."""
    return CatalogueTable(client, INVENTORY, pause=lambda _seconds: None)


def wanted(count: int = 1, demand: int = 5, **prices: int) -> dict[str, Wanted]:
    """So many products at these prices, each with the rows that name it."""
    points = {int(name[1:]): rows for name, rows in (prices or {"p255": 3, "p210": 1}).items()}
    skus = [f"{10_001 + n}" for n in range(count)]
    return {sku: Wanted(sku, points, demand, "LANTERN") for sku in skus}


def item(client: RecordingClient, sku: str = "10001") -> dict[str, Any]:
    """A product as it lies in the table."""
    return from_item(client.client.get_item(TableName=INVENTORY, Key=to_item({"sku": sku}))["Item"])


def take(client: RecordingClient, quantity: int) -> None:
    """Sell some of 10001, as an order's reservation does."""
    client.client.update_item(
        TableName=INVENTORY,
        Key=to_item({"sku": "10001"}),
        UpdateExpression="SET on_hand = on_hand - :quantity",
        ExpressionAttributeValues=to_item({":quantity": quantity}),
    )


def test_products_that_are_missing_are_made_in_transactions(
    table: CatalogueTable, client: RecordingClient
) -> None:
    told: list[int] = []
    change = table.bring_up(wanted(MANY), "file-1", told.append)
    assert (change.created, change.topped_up, change.conflicts) == (MANY, 0, {})
    assert told == [MAX_ACTIONS, MANY]
    assert client.count("transact_write_items") == 2
    assert item(client) == {
        "sku": "10001",
        "currency": "GBP",
        "prices": {"list": 255, "p210": 210, "p255": 255},
        "tax_rate": 0,
        "on_hand": 5,
        "description": "LANTERN",
        "stocked": {"file-1": 5},
    }
    assert len(DynamoCatalogue(client.client, INVENTORY).products(wanted(MANY))) == MANY


def test_the_same_file_again_writes_nothing_and_resets_no_stock(
    table: CatalogueTable, client: RecordingClient
) -> None:
    table.bring_up(wanted(), "file-1")
    take(client, 4)
    change = table.bring_up(wanted(), "file-1")
    assert (change.created, change.topped_up) == (0, 0)
    assert client.count("transact_write_items") == 1
    assert item(client)["on_hand"] == 1


def test_another_file_adds_its_prices_and_its_demand(table: CatalogueTable, client: RecordingClient) -> None:
    table.bring_up(wanted(), "file-1")
    take(client, 4)
    for _ in range(2):
        table.bring_up(wanted(demand=8, p255=1, p300=9), "file-2")
    found = item(client)
    assert found["prices"] == {"list": 255, "p210": 210, "p255": 255, "p300": 300}
    assert (found["on_hand"], found["stocked"]) == (9, {"file-1": 5, "file-2": 8})


def test_a_product_of_somebody_else_is_added_to(table: CatalogueTable, client: RecordingClient) -> None:
    product = Product("10001", "GBP", {"list": 999, "sale": 500}, 2000, 7, "ANOTHER NAME")
    client.client.put_item(TableName=INVENTORY, Item=product_to_item(product))
    for _ in range(2):
        table.bring_up(wanted(p255=1), "file-1")
    assert item(client) == {
        "sku": "10001",
        "currency": "GBP",
        "prices": {"list": 999, "sale": 500, "p255": 255},
        "tax_rate": 2000,
        "on_hand": 12,
        "description": "ANOTHER NAME",
        "stocked": {"file-1": 5},
    }


def test_a_point_that_went_missing_comes_back_without_stock(
    table: CatalogueTable, client: RecordingClient
) -> None:
    table.bring_up(wanted(), "file-1")
    client.client.update_item(
        TableName=INVENTORY, Key=to_item({"sku": "10001"}), UpdateExpression="REMOVE prices.p210"
    )
    assert table.bring_up(wanted(), "file-1").topped_up == 1
    assert (item(client)["prices"]["p210"], item(client)["on_hand"]) == (210, 5)


def test_a_contradiction_is_told_and_left_as_it_is(table: CatalogueTable, client: RecordingClient) -> None:
    for product in (
        Product("10001", "GBP", {"list": 999, "p255": 256}, 0, 7),
        Product("10002", "EUR", {"list": 255}, 0, 7),
    ):
        client.client.put_item(TableName=INVENTORY, Item=product_to_item(product))
    change = table.bring_up(wanted(3), "file-1")
    assert change.conflicts == {"10001": Reason.PRICE_CONFLICT, "10002": Reason.CURRENCY_CONFLICT}
    assert change.created == 1
    assert (item(client)["on_hand"], "stocked" in item(client, "10002")) == (7, False)


@pytest.mark.parametrize("source", ["file-1", "file-2"])
@pytest.mark.parametrize(
    ("before", "sources"),
    [
        (None, {}),
        ({"list": 999, "p255": 255, "p210": 210}, {}),
        ({"list": 999}, {"file-0": 5}),
        ({"list": 999, "p255": 255, "p210": 210}, {"file-0": 5}),
    ],
    ids=["a new product", "somebody else's", "an imported one", "an imported one with all prices"],
)
def test_an_import_at_the_same_time_is_noticed_and_nothing_is_added_twice(
    table: CatalogueTable,
    client: RecordingClient,
    source: str,
    before: dict[str, int] | None,
    sources: dict[str, int],
) -> None:
    if before:
        item_before = product_to_item(Product("10001", "GBP", before, 0, sum(sources.values())))
        stocked = to_item({"stocked": sources or None})
        client.client.put_item(TableName=INVENTORY, Item={**item_before, **stocked})
    other = CatalogueTable(client.client, INVENTORY)
    begun = client.count("transact_write_items")

    def meanwhile(name: str, number: int) -> None:
        if name == "transact_write_items" and number == begun + 1:
            other.bring_up(wanted(), source)

    client.before = meanwhile
    table.bring_up(wanted(), "file-1")
    assert item(client)["stocked"] == {**sources, source: 5, "file-1": 5}
    assert item(client)["on_hand"] == sum(item(client)["stocked"].values())


def test_a_lost_answer_is_found_to_have_worked(table: CatalogueTable, client: RecordingClient) -> None:
    client.after = _first_time(client_error("TransactWriteItems", "InternalServerError", 500))
    table.bring_up(wanted(), "file-1")
    assert client.count("transact_write_items") == 1
    assert item(client)["on_hand"] == 5


def test_a_conflict_is_tried_again(table: CatalogueTable, client: RecordingClient) -> None:
    client.before = _first_time(cancelled("TransactionConflict"))
    table.bring_up(wanted(), "file-1")
    assert item(client)["on_hand"] == 5


def test_a_table_that_takes_no_writes_ends_it(table: CatalogueTable, client: RecordingClient) -> None:
    def throttled(name: str, _number: int) -> Exception | None:
        return client_error(name, "ThrottlingException") if name == "transact_write_items" else None

    client.before = throttled
    with pytest.raises(StoreUnavailable):
        table.bring_up(wanted(), "file-1")
    client.before = lambda _name, _number: (
        cancelled("TransactionConflict") if _name.startswith("tr") else None
    )
    with pytest.raises(StoreUnavailable, match="others"):
        table.bring_up(wanted(), "file-1")


def _first_time(error: Exception) -> Callable[[str, int], Exception | None]:
    """Fail the first transaction."""
    return lambda name, number: error if (name, number) == ("transact_write_items", 1) else None
