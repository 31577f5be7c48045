"""Stock of an order that is too large for one transaction: held chunk by chunk, with a marker item for each.

A transaction takes 100 actions:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html. The order is read
first, so that a shortage is found without holding anything. Each chunk is one transaction with its marker and
with a check that the head is as it was read: a crash resumes forward from the markers, a release goes by the
same markers, and a try that others have overtaken moves nothing.

What decides that the order is not sold is written on the head before anything is given back: from then on no
try that read the head before can hold a chunk, and one that reads it afterwards turns back. What says that it
is held is written when all markers are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.adapters.dynamodb.order_items import head_update
from lambdas.adapters.dynamodb.stock_moves import (
    RESERVATION,
    chunks,
    claim_check,
    delete_marker,
    lasting_claim_check,
    marker_check,
    put_marker,
    stock_moves,
)
from lambdas.domain.reasons import OUT_OF_STOCK
from lambdas.domain.transitions import ending_for, released, reserved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.adapters.dynamodb.stock_transactions import StockTransactions
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

# How long a partial hold of a large order may last: the function's own timeout.
PARTIAL_HOLD_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class ChunkedStock:
    """Holds and gives back under one claim."""

    transactions: StockTransactions
    orders_table: str
    claim: str

    def hold(self, order: Order, wanted: Mapping[str, int], at: str, now: float) -> dict[str, int]:
        """Hold what is missing, then mark the head; return the SKUs that are short, as transactions do.

        After a shortage what was held stays, for `give_back` or another try.
        """
        held = self.markers(order)
        parts = list(chunks(wanted))
        todo = {number: chunk for number, chunk in enumerate(parts) if number not in held}
        needed = {sku: quantity for chunk in todo.values() for sku, quantity in chunk.items()}
        if short := self._read_shortage(needed):
            return short
        until = int(now) + PARTIAL_HOLD_SECONDS
        for number, chunk in todo.items():
            actions = [
                claim_check(self.orders_table, order, self.claim),
                *stock_moves(self._inventory_table, chunk, -1, until),
                put_marker(self.orders_table, order, RESERVATION, number, len(chunk)),
            ]
            if short := self.transactions.run(actions, order, self.claim):
                return short
        after = reserved(order, at)
        checks = [
            marker_check(self.orders_table, order, RESERVATION, number) for number, _ in enumerate(parts)
        ]
        self.transactions.run([self._head(after), *checks], after, self.claim)
        return {}

    def give_up(self, order: Order, wanted: Mapping[str, int], at: str) -> None:
        """Decide that too little is left, then give back what is held."""
        after = ending_for(order, at, order.ending or OUT_OF_STOCK)
        DynamoOrderStore(self.transactions.client, self.orders_table).save(after, self.claim)
        self.give_back(after, wanted)

    def release(self, order: Order, wanted: Mapping[str, int], at: str) -> None:
        """Mark the head released, so that nothing is shipped any more, then give everything back."""
        after = released(order, at)
        self.transactions.run([self._head(after)], after, self.claim)
        self.give_back(after, wanted)

    def give_back(self, order: Order, wanted: Mapping[str, int]) -> None:
        """Give back the chunks that are held."""
        held = self.markers(order)
        for number, chunk in enumerate(chunks(wanted)):
            if number in held:
                actions = [
                    claim_check(self.orders_table, order, self.claim),
                    *stock_moves(self._inventory_table, chunk, +1),
                    delete_marker(self.orders_table, order, RESERVATION, number),
                ]
                self.transactions.run_without_shortage(actions, order, self.claim)

    def restock(self, order: Order, refund: Refund, quantities: Mapping[str, int]) -> None:
        """Put back what is not yet; nobody ever takes that again, so that the claim is check enough."""
        kind = f"RESTOCK#{refund.refund_id}"
        held = self.markers(order, kind)
        for number, chunk in enumerate(chunks(quantities)):
            if number not in held:
                actions = [
                    lasting_claim_check(self.orders_table, order, self.claim),
                    *stock_moves(self._inventory_table, chunk, +1),
                    put_marker(self.orders_table, order, kind, number, len(chunk)),
                ]
                self.transactions.run_without_shortage(actions, order, self.claim)

    def markers(self, order: Order, kind: str = RESERVATION) -> set[int]:
        """Return the numbers of the chunks that have a marker."""
        with store_errors():
            answer = self.transactions.client.query(
                TableName=self.orders_table,
                KeyConditionExpression="order_id = :order AND begins_with(#item, :marker)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues=to_item({":order": order.order_id, ":marker": f"{kind}#"}),
                ConsistentRead=True,
            )
        return {int(from_item(item)["item"].rpartition("#")[2]) for item in answer["Items"]}

    def _head(self, after: Order) -> dict[str, Any]:
        return {"Update": head_update(after, self.claim, self.orders_table)}

    def _read_shortage(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return the SKUs of which there is too little now, each with the end of others' partial holds."""
        catalogue = DynamoCatalogue(self.transactions.client, self._inventory_table)
        found = catalogue.products(wanted, consistent=True)
        return {
            sku: found[sku].partial_until if sku in found else 0
            for sku, quantity in wanted.items()
            if sku not in found or found[sku].on_hand < quantity
        }

    @property
    def _inventory_table(self) -> str:
        return self.transactions.inventory_table
