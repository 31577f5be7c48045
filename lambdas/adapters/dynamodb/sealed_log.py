"""The sealed log's batches in DynamoDB: where its head is, and which leaves hold which entries.

It is an index and no proof. That is in the bucket, and whoever verifies does not rest on this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.failures import CONDITION_FAILED, error_code, store_errors
from lambdas.domain.ledger import Balance
from lambdas.domain.sealing import Batch, EntryKey, MonthTotals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG: Final = "ledger"
_BATCH: Final = "BATCH#"
_READ: Final = {"log": LOG, "item": "READ"}


@dataclass(frozen=True, slots=True)
class DynamoBatchLog:
    """The table of the log; key `log` (one, so far), `item`."""

    client: Any
    table: str

    def last(self) -> Batch | None:
        """Return the newest batch, by a consistent read: the next one starts where it ends."""
        return next(self._descending(_item_of(10**16 - 1), consistent=True), None)

    def newest_first(self) -> Iterator[Batch]:
        """Yield the batches from the newest on."""
        return self._descending(_item_of(10**16 - 1))

    def holding(self, leaf: int) -> Batch | None:
        """Return the batch with a leaf; the newest one for a leaf that is not there yet."""
        return next(self._descending(_item_of(leaf)), None)

    def add(self, batch: Batch) -> bool:
        """Write a batch unless there is one that starts at the same leaf: the log has one head."""
        try:
            with store_errors():
                self.client.put_item(
                    TableName=self.table,
                    Item=_to_item(batch),
                    ConditionExpression="attribute_not_exists(#item)",
                    ExpressionAttributeNames={"#item": "item"},
                )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            # A retry of botocore meets what its first try wrote: then it is there as it was to be.
            return self.holding_consistently(batch.start) == batch
        return True

    def holding_consistently(self, leaf: int) -> Batch | None:
        """As `holding`, by a consistent read."""
        return next(self._descending(_item_of(leaf), consistent=True), None)

    def read_until(self) -> str | None:
        """Return up to when the ledger was read without finding anything to seal."""
        with store_errors():
            answer = self.client.get_item(TableName=self.table, Key=to_item(_READ), ConsistentRead=True)
        until: str | None = from_item(answer.get("Item") or {}).get("until")
        return until

    def note_read(self, until: str) -> None:
        """Keep that; a lower time than what is kept changes nothing."""
        try:
            with store_errors():
                self.client.put_item(
                    TableName=self.table,
                    Item=to_item({**_READ, "until": until}),
                    ConditionExpression="attribute_not_exists(#until) OR #until < :until",
                    ExpressionAttributeNames={"#until": "until"},
                    ExpressionAttributeValues=to_item({":until": until}),
                )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise

    def _descending(self, from_: str, *, consistent: bool = False) -> Iterator[Batch]:
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "#log = :log AND #item BETWEEN :first AND :from",
            "ExpressionAttributeNames": {"#log": "log", "#item": "item"},
            "ExpressionAttributeValues": to_item({":log": LOG, ":first": _item_of(0), ":from": from_}),
            "ScanIndexForward": False,
            "ConsistentRead": consistent,
            "Limit": 1,
        }
        while True:
            with store_errors():
                answer = self.client.query(**query)
            yield from map(_from_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            query["Limit"] = 8


def _item_of(start: int) -> str:
    return f"{_BATCH}{start:016d}"


def _to_item(batch: Batch) -> dict[str, Any]:
    return to_item(
        {
            "log": LOG,
            "item": _item_of(batch.start),
            "since": batch.since,
            "until": batch.until,
            "root": batch.root.hex(),
            # One text: as a list each key would weigh a byte more and be thrice as long on the wire.
            "entries": " ".join(map(str, batch.entries)),
            "late": list(batch.late),
            "at": batch.at,
            "totals": [
                {
                    "month": totals.month,
                    "entries": totals.entries,
                    "balances": [[b.account, b.currency, b.debit, b.credit] for b in totals.balances],
                }
                for totals in batch.totals
            ],
        }
    )


def _from_item(item: Mapping[str, Any]) -> Batch:
    values = from_item(item)
    return Batch(
        start=int(values["item"].removeprefix(_BATCH)),
        since=values["since"],
        until=values["until"],
        root=bytes.fromhex(values["root"]),
        entries=tuple(map(EntryKey.parse, values["entries"].split())),
        late=tuple(values["late"]),
        at=values["at"],
        totals=tuple(
            MonthTotals(t["month"], t["entries"], tuple(Balance(*b) for b in t["balances"]))
            for t in values["totals"]
        ),
    )
