"""All orders' heads, for those who hold them against the ledger: page by page, never the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.adapters.dynamodb.order_items import HEAD, head_key, order_from_head

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lambdas.domain.order import Order


@dataclass(frozen=True, slots=True)
class DynamoOrderHeads:
    """Reads the orders table; a head that cannot be decoded is None."""

    client: Any
    table: str

    def pages(self) -> Iterator[dict[str, Order | None]]:
        """Yield all heads by their orders' ids, in no order. No index has all of them: this is a scan."""
        query: dict[str, Any] = {
            "TableName": self.table,
            "FilterExpression": "#item = :head",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": to_item({":head": HEAD}),
            "ConsistentRead": True,
        }
        while True:
            with store_errors():
                answer = self.client.scan(**query)
            yield _decoded(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def of(self, order_ids: Sequence[str]) -> dict[str, Order | None]:
        """Return these orders' heads by consistent reads; those that do not exist are left out."""
        keys = [head_key(order_id) for order_id in order_ids]
        return _decoded(batch_get(self.client, self.table, keys, consistent=True))


def _decoded(items: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> dict[str, Order | None]:
    return {item["order_id"]["S"]: _decode(item) for item in items}


def _decode(item: Mapping[str, Any]) -> Order | None:
    try:
        return order_from_head(item)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
