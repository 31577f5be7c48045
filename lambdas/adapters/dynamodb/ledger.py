"""The ledger table: books an entry in one transaction with the change of the order that causes it.

`ExecuteTransaction` with PartiQL `INSERT` fails on an existing key, as `PutItem` does not, and it is the one
write that the writers' role may do on this table. Why a transaction was cancelled is never read from the
reason codes, on which engines and documentation disagree: the entry is read back and compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_attribute, to_item
from lambdas.adapters.dynamodb.failures import TRANSACTION_CANCELED, error_code, store_errors
from lambdas.adapters.dynamodb.order_items import head_key, head_update_statement, order_from_head
from lambdas.adapters.dynamodb.refunds import refund_update_statement
from lambdas.domain.errors import LedgerConflict, OrderNotFound, StoreUnavailable
from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import PERIOD_SHARDS, JournalEntry, Posting, period_key
from lambdas.domain.lost_write import explain_lost_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

BY_PERIOD = "by_period"


@dataclass(frozen=True, slots=True)
class DynamoJournal:
    """The ledger in DynamoDB, beside the orders table that its entries are booked with."""

    client: Any
    ledger_table: str
    orders_table: str

    def book(self, order: Order, entry: JournalEntry, claim: str, refund: Refund | None = None) -> None:
        """Write head and entry (and refund) together, or find that they were written before."""
        statements = [
            head_update_statement(order, claim, self.orders_table),
            {
                "Statement": f'INSERT INTO "{self.ledger_table}" VALUE {_value_placeholders(entry)}',
                "Parameters": [to_attribute(v) for v in entry_values(entry).values()],
            },
            *([refund_update_statement(refund, self.orders_table)] if refund else []),
        ]
        try:
            with store_errors():
                self.client.execute_transaction(TransactStatements=statements)
        except ClientError as error:
            if error_code(error) != TRANSACTION_CANCELED:
                raise
            self._explain_cancellation(order, entry, claim)

    def _explain_cancellation(self, order: Order, entry: JournalEntry, claim: str) -> None:
        with store_errors():
            head = self.client.get_item(
                TableName=self.orders_table, Key=head_key(order.order_id), ConsistentRead=True
            ).get("Item")
        if not head:
            raise OrderNotFound(order.order_id)
        found = order_from_head(head)
        if found.revision >= order.revision:
            # Another execution's refund may have the number by now: who holds the order decides first.
            explain_lost_write(order, claim, found)
        booked = self.entry(entry.order_id, entry.entry_no)
        if booked and replace(entry, booked_at=booked.booked_at).hash != booked.hash:
            raise LedgerConflict(f"{booked.entry_id} is booked with other content")
        if not booked or found.revision < order.revision:
            raise StoreUnavailable(f"head and entry of {order.order_id} were not written together")

    def entry(self, order_id: OrderId, entry_no: int) -> JournalEntry | None:
        """Return one entry by a consistent read."""
        with store_errors():
            answer = self.client.get_item(
                TableName=self.ledger_table,
                Key=to_item({"order_id": order_id, "entry_no": entry_no}),
                ConsistentRead=True,
            )
        item = answer.get("Item")
        return entry_from_item(item) if item else None

    def entries_of_day(self, day: str) -> Iterator[JournalEntry]:
        """Yield the entries booked on a day (`YYYY-MM-DD`, UTC), shard by shard in the order of booking."""
        for shard in range(PERIOD_SHARDS):
            query = {
                "TableName": self.ledger_table,
                "IndexName": BY_PERIOD,
                "KeyConditionExpression": "period = :period",
                "ExpressionAttributeValues": to_item({":period": period_key(day, shard)}),
            }
            while True:
                with store_errors():
                    answer = self.client.query(**query)
                yield from map(entry_from_item, answer["Items"])
                if "LastEvaluatedKey" not in answer:
                    break
                query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def entry_values(entry: JournalEntry) -> dict[str, object]:
    """Return what an entry's item holds; absent facts are left out."""
    values: dict[str, object | None] = {
        "order_id": entry.order_id,
        "entry_no": entry.entry_no,
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "booked_at": entry.booked_at,
        "period": entry.period,
        "postings": [
            {"account": p.account, "currency": p.currency, "amount": p.amount} for p in entry.postings
        ],
        "psp_reference": entry.psp_reference,
        "event_id": entry.event_id,
        "actor": entry.actor,
        "reason_code": entry.reason_code,
        "reverses": entry.reverses,
        "schema": entry.schema,
        "hash": entry.hash,
    }
    return {name: value for name, value in values.items() if value is not None}


def entry_from_item(item: Mapping[str, Any]) -> JournalEntry:
    """Decode an entry."""
    values = from_item(item)
    return JournalEntry(
        order_id=OrderId(values["order_id"]),
        entry_no=values["entry_no"],
        kind=values["kind"],
        booked_at=values["booked_at"],
        postings=tuple(Posting(p["account"], p["currency"], p["amount"]) for p in values["postings"]),
        psp_reference=values["psp_reference"],
        event_id=values["event_id"],
        actor=values["actor"],
        reason_code=values.get("reason_code"),
        reverses=values.get("reverses"),
        schema=values["schema"],
    )


def _value_placeholders(entry: JournalEntry) -> str:
    return "{" + ", ".join(f"'{name}': ?" for name in entry_values(entry)) + "}"
