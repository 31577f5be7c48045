"""The sparse index of open orders, as the watchdog reads it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.adapters.dynamodb.order_items import head_key, open_partitions, order_from_head
from lambdas.domain.identifiers import OrderId
from lambdas.domain.open_orders import Heads, OpenOrder, Round

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OPEN_ORDERS: Final = "open_orders"
PAGE: Final = 250

# What is left of a round lies in the orders table, under a key that no order has.
_ROUND_KEY: Final = {"order_id": "watchdog", "item": "ROUND"}


@dataclass(frozen=True, slots=True)
class DynamoOpenOrders:
    """Open orders in DynamoDB; `client` is botocore's, `table` the orders table's name."""

    client: Any
    table: str

    def oldest(self, round_: Round) -> Iterator[OpenOrder]:
        """Merge the index's partitions by time, so that none of them waits for another."""
        partitions = [self._partition(name, round_) for name in open_partitions()]
        return heapq.merge(*partitions, key=attrgetter("accepted_at"))

    def heads(self, order_ids: Sequence[OrderId]) -> Heads:
        """Read heads in batches, consistently: the index may lag behind them."""
        orders, unreadable = [], []
        for item in batch_get(self.client, self.table, [head_key(i) for i in order_ids], consistent=True):
            try:
                orders.append(order_from_head(item))
            except (KeyError, ValueError, TypeError, AttributeError):
                unreadable.append(OrderId(item["order_id"]["S"]))
        return Heads(tuple(orders), tuple(unreadable))

    def unfinished_round(self) -> Round | None:
        """Return what an earlier run has left to look at."""
        with store_errors():
            answer = self.client.get_item(TableName=self.table, Key=to_item(_ROUND_KEY), ConsistentRead=True)
        values = from_item(answer.get("Item") or {})
        return Round(values["start"], values["end"]) if "start" in values else None

    def save_round(self, round_: Round | None) -> None:
        """Write what is left by UpdateItem, the one write that the watchdog may make."""
        change: dict[str, Any] = {"UpdateExpression": "REMOVE #start, #end"}
        if round_:
            change = {
                "UpdateExpression": "SET #start = :start, #end = :end",
                "ExpressionAttributeValues": to_item({":start": round_.start, ":end": round_.end}),
            }
        with store_errors():
            self.client.update_item(
                TableName=self.table,
                Key=to_item(_ROUND_KEY),
                ExpressionAttributeNames={"#start": "start", "#end": "end"},
                **change,
            )

    def _partition(self, name: str, round_: Round) -> Iterator[OpenOrder]:
        query = {
            "TableName": self.table,
            "IndexName": OPEN_ORDERS,
            "KeyConditionExpression": "#open = :open AND accepted_at BETWEEN :start AND :end",
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": to_item({":open": name, ":start": round_.start, ":end": round_.end}),
            "Limit": PAGE,
        }
        while True:
            with store_errors():
                answer = self.client.query(**query)
            for item in answer["Items"]:
                yield OpenOrder(item["accepted_at"]["S"], OrderId(item["order_id"]["S"]))
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
