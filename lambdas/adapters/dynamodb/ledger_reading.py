"""The ledger as the sealer and the verifier read it: by the time of booking, with flat memory."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.adapters.dynamodb.ledger import BY_PERIOD, entry_from_item
from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import PERIOD_SHARDS, JournalEntry, period_key
from lambdas.domain.sealing import EntryKey, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Of each of the 16 partitions that are read at once.
PAGE: Final = 250
_DAY: Final = len("2026-01-01")


@dataclass(frozen=True, slots=True)
class DynamoEntryReader:
    """Reads the ledger table; `client` is botocore's."""

    client: Any
    table: str

    def booked_between(self, since: str, until: str) -> Iterator[JournalEntry | Unreadable]:
        """Yield what was booked in `[since, until)` (RFC 3339, UTC), by the time of booking."""
        day, last = date.fromisoformat(since[:_DAY]), date.fromisoformat(until[:_DAY])
        while day <= last:
            shards = [self._shard(period_key(day.isoformat(), n), since, until) for n in range(PERIOD_SHARDS)]
            for item in heapq.merge(*shards, key=_booked_at):
                if _booked_at(item) < until:  # BETWEEN takes its end too
                    yield _decode(item)
            day += timedelta(days=1)

    def of_order(self, order_id: OrderId) -> Iterator[JournalEntry | Unreadable]:
        """Yield an order's entries by their numbers, by consistent reads."""
        query = {
            "KeyConditionExpression": "order_id = :order",
            "ExpressionAttributeValues": to_item({":order": order_id}),
            "ConsistentRead": True,
        }
        yield from map(_decode, self._pages(query))

    def entries(self, keys: Sequence[EntryKey]) -> dict[EntryKey, JournalEntry]:
        """Return entries by consistent reads; what is missing or unreadable is left out."""
        wanted = [to_item({"order_id": key.order_id, "entry_no": key.entry_no}) for key in keys]
        decoded = map(_decode, batch_get(self.client, self.table, wanted, consistent=True))
        return {EntryKey(e.order_id, e.entry_no): e for e in decoded if isinstance(e, JournalEntry)}

    def _shard(self, period: str, since: str, until: str) -> Iterator[dict[str, Any]]:
        query = {
            "IndexName": BY_PERIOD,
            "KeyConditionExpression": "period = :period AND booked_at BETWEEN :since AND :until",
            "ExpressionAttributeValues": to_item({":period": period, ":since": since, ":until": until}),
            "Limit": PAGE,
        }
        return self._pages(query)

    def _pages(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        while True:
            with store_errors():
                answer = self.client.query(TableName=self.table, **query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query = {**query, "ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _booked_at(item: Mapping[str, Any]) -> str:
    booked_at: str = item["booked_at"]["S"]
    return booked_at


def _decode(item: Mapping[str, Any]) -> JournalEntry | Unreadable:
    try:
        entry = entry_from_item(item)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Unreadable(_key(item), type(error).__name__)
    if item.get("hash") != {"S": entry.hash}:
        return Unreadable(_key(item), "the entry is not the one whose hash it carries")
    return entry


def _key(item: Mapping[str, Any]) -> EntryKey:
    return EntryKey(OrderId(item["order_id"]["S"]), int(item["entry_no"]["N"]))
