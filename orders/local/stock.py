"""Fills the catalogue of a local run."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.catalogue import product_to_item
from orders.local.aws import engine_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.domain.catalogue import Product
    from orders.local.run_file import Addresses

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH = 25
_BACKOFF_SECONDS = 0.1


def put_products(addresses: Addresses, products: Iterable[Product]) -> None:
    """Write products with their stock, over what was there."""
    client = engine_client("dynamodb", addresses.engine_url)
    table = addresses.outputs["InventoryTableName"]
    rest = iter(products)
    while batch := list(islice(rest, _BATCH)):
        pending: list[dict[str, Any]] = [{"PutRequest": {"Item": product_to_item(p)}} for p in batch]
        while pending:
            answer = client.batch_write_item(RequestItems={table: pending})
            pending = answer.get("UnprocessedItems", {}).get(table, [])
            if pending:
                time.sleep(_BACKOFF_SECONDS)
