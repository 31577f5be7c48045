"""BatchGetItem over any number of keys, and the catalogue that is read by it."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.batches import MAX_KEYS, batch_get
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue, product_to_item
from lambdas.domain.catalogue import Product
from lambdas.domain.errors import StoreUnavailable
from tests.adapters.examples import put_stock
from tests.adapters.recording import RecordingClient
from tests.adapters.tables import INVENTORY

SKUS = [f"sku-{n:03d}" for n in range(250)]


class ShortAnswers:
    """DynamoDB at its limit: leaves all but `served` keys of each call unprocessed."""

    def __init__(self, client: Any, served: int) -> None:
        self._client = client
        self._served = served

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        ((table, request),) = RequestItems.items()
        now, later = request["Keys"][: self._served], request["Keys"][self._served :]
        answer: dict[str, Any] = {"Responses": {table: []}}
        if now:
            answer = self._client.batch_get_item(RequestItems={table: {**request, "Keys": now}})
        return {**answer, "UnprocessedKeys": {table: {**request, "Keys": later}} if later else {}}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Notes the pauses instead of making them."""
    pauses: list[float] = []
    monkeypatch.setattr("lambdas.adapters.dynamodb.batches.time.sleep", pauses.append)
    return pauses


@pytest.fixture
def inventory(dynamodb: Any) -> Any:
    put_stock(dynamodb, dict.fromkeys(SKUS, 5))
    return dynamodb


def keys(skus: list[str]) -> list[dict[str, Any]]:
    return [to_item({"sku": sku}) for sku in skus]


def test_any_number_of_keys_is_read_in_calls_of_at_most_a_hundred(inventory: Any) -> None:
    recording = RecordingClient(inventory)
    items = list(batch_get(recording, INVENTORY, keys(SKUS)))
    assert sorted(item["sku"]["S"] for item in items) == SKUS
    assert [len(p["RequestItems"][INVENTORY]["Keys"]) for _, p in recording.calls] == [MAX_KEYS, MAX_KEYS, 50]


def test_no_keys_are_no_call(dynamodb: Any) -> None:
    recording = RecordingClient(dynamodb)
    assert list(batch_get(recording, INVENTORY, [])) == []
    assert not recording.calls


def test_missing_items_are_left_out(inventory: Any) -> None:
    items = list(batch_get(inventory, INVENTORY, keys(["sku-001", "no such"])))
    assert [item["sku"]["S"] for item in items] == ["sku-001"]


def test_what_stayed_unprocessed_is_asked_for_again_after_a_growing_pause(
    inventory: Any, no_waiting: list[float]
) -> None:
    items = list(batch_get(ShortAnswers(inventory, served=40), INVENTORY, keys(SKUS)))
    assert sorted(item["sku"]["S"] for item in items) == SKUS
    assert len(no_waiting) == 2 + 2 + 1
    assert all(0 <= pause <= 0.05 * 2**4 for pause in no_waiting)


def test_keys_that_stay_unprocessed_make_the_store_unavailable(inventory: Any) -> None:
    with pytest.raises(StoreUnavailable):
        list(batch_get(ShortAnswers(inventory, served=0), INVENTORY, keys(SKUS)))


@pytest.mark.parametrize("consistent", [True, False])
def test_consistency_is_the_callers_choice(inventory: Any, consistent: bool) -> None:
    recording = RecordingClient(inventory)
    list(batch_get(recording, INVENTORY, keys(["sku-001"]), consistent=consistent))
    ((_, parameters),) = recording.calls
    assert parameters["RequestItems"][INVENTORY]["ConsistentRead"] is consistent


@pytest.mark.parametrize(
    "product",
    [
        Product("mug", "GBP", {"list": 1250, "trade": 999}, 2000, 7, "A blue mug"),
        Product("tea", "JPY", {"list": 0}),
    ],
    ids=["all facts", "least facts"],
)
def test_a_product_comes_back_as_it_was_put(dynamodb: Any, product: Product) -> None:
    dynamodb.put_item(TableName=INVENTORY, Item=product_to_item(product))
    found = DynamoCatalogue(dynamodb, INVENTORY).products([product.sku, product.sku, "unknown"])
    assert found == {product.sku: product}
