"""Stock in the inventory table: all or nothing per order, never below zero, resumable after a crash.

An order of at most 99 SKUs is one transaction with the order's head. A larger one (a transaction takes 100
actions: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html) is read
first, so that a shortage is found without holding anything, and then held in chunks. Each chunk is one
transaction with a marker item that names it and with a check of the order's claim: a crash resumes forward
from the markers, a release goes by the same markers, and an execution that lost its claim holds nothing.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.failures import (
    TRANSACTION_CANCELED,
    cancellation_reasons,
    error_code,
    is_passing,
    store_errors,
)
from lambdas.adapters.dynamodb.order_items import head_update, order_from_head
from lambdas.adapters.dynamodb.refunds import refund_update
from lambdas.adapters.dynamodb.stock_moves import (
    MAX_ACTIONS,
    RESERVATION,
    chunks,
    claim_check,
    marker_key,
    put_marker,
    stock_moves,
)
from lambdas.domain.errors import ClaimLost, OrderCorrupt, StockContention
from lambdas.domain.fulfilment import Shortage
from lambdas.domain.lost_write import explain_lost_write
from lambdas.domain.order import quantities_by_sku
from lambdas.domain.transitions import released, reserved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund

SKUS_WITH_HEAD: Final = MAX_ACTIONS - 1
SKUS_WITH_HEAD_AND_REFUND: Final = MAX_ACTIONS - 2
_CONTENTION_TRIES: Final = 6
_FIRST_DELAY_SECONDS: Final = 0.04
# How long a partial hold of a large order may last: the function's own timeout.
PARTIAL_HOLD_SECONDS: Final = 10
_SHORTAGE_DELAY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class DynamoStock:
    """Reserves and releases stock. `pause` sleeps and `now` is epoch seconds: both replaceable in tests."""

    client: Any
    inventory_table: str
    orders_table: str
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def reserve(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> Shortage | None:
        """Hold the goods and mark the head authorised and reserved; a shortage holds nothing.

        A shortage that was seen during another order's partial hold is looked at once more, then final.
        """
        wanted = quantities_by_sku(lines)
        hold = self._hold_at_once if len(wanted) <= SKUS_WITH_HEAD else self._hold_in_chunks
        shortage, passing = hold(order, wanted, claim, at)
        if shortage and passing:
            self.pause(_SHORTAGE_DELAY_SECONDS)
            shortage, _ = hold(order, wanted, claim, at)
        return shortage

    def release(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> None:
        """Give everything back and mark the head released."""
        wanted = quantities_by_sku(lines)
        after = released(order, at)
        head = {"Update": head_update(after, claim, self.orders_table)}
        if len(wanted) <= SKUS_WITH_HEAD:
            actions = [*stock_moves(self.inventory_table, wanted, +1), head]
            _must_fit(self._transact(actions, order, claim, after))
            return
        self._release_chunks(order, wanted, claim)
        self._transact([head], order, claim, after)

    def release_partial(self, order: Order, lines: tuple[Line, ...], claim: str) -> None:
        """Give back the chunks that are held; an order that is held at once has none."""
        wanted = quantities_by_sku(lines)
        if len(wanted) > SKUS_WITH_HEAD:
            self._release_chunks(order, wanted, claim)

    def restock(self, order: Order, refund: Refund, quantities: Mapping[str, int], claim: str) -> None:
        """Put a refund's goods back on hand with the changed head and refund."""
        last = [
            {"Update": head_update(order, claim, self.orders_table)},
            {"Update": refund_update(refund, self.orders_table)},
        ]
        if len(quantities) <= SKUS_WITH_HEAD_AND_REFUND:
            moves = stock_moves(self.inventory_table, quantities, +1)
            _must_fit(self._transact([*moves, *last], order, claim, order))
            return
        kind = f"RESTOCK#{refund.refund_id}"
        held = self._markers(order, kind)
        for number, chunk in enumerate(chunks(quantities)):
            if number not in held:
                actions = [
                    claim_check(self.orders_table, order, claim),
                    *stock_moves(self.inventory_table, chunk, +1),
                    put_marker(self.orders_table, order, kind, number, len(chunk)),
                ]
                _must_fit(self._transact(actions, order, claim, None))
        self._transact(last, order, claim, order)

    def _hold_at_once(
        self, order: Order, wanted: Mapping[str, int], claim: str, at: str
    ) -> tuple[Shortage | None, bool]:
        after = reserved(order, at)
        head = {"Update": head_update(after, claim, self.orders_table)}
        short = self._transact([*stock_moves(self.inventory_table, wanted, -1), head], order, claim, after)
        return self._shortage(short)

    def _hold_in_chunks(
        self, order: Order, wanted: Mapping[str, int], claim: str, at: str
    ) -> tuple[Shortage | None, bool]:
        held = self._markers(order)
        todo = {n: chunk for n, chunk in enumerate(chunks(wanted)) if n not in held}
        needed = {sku: quantity for chunk in todo.values() for sku, quantity in chunk.items()}
        short = self._read_shortage(needed)
        until = int(self.now()) + PARTIAL_HOLD_SECONDS
        for number, chunk in todo.items() if not short else ():
            actions = [
                claim_check(self.orders_table, order, claim),
                *stock_moves(self.inventory_table, chunk, -1, until),
                put_marker(self.orders_table, order, RESERVATION, number, len(chunk)),
            ]
            short = self._transact(actions, order, claim, None)
            if short:
                break
        if short:
            self._release_chunks(order, wanted, claim)
            return self._shortage(short)
        after = reserved(order, at)
        self._transact([{"Update": head_update(after, claim, self.orders_table)}], order, claim, after)
        return None, False

    def _release_chunks(self, order: Order, wanted: Mapping[str, int], claim: str) -> None:
        held = self._markers(order)
        for number, chunk in enumerate(chunks(wanted)):
            if number in held:
                delete = {
                    "TableName": self.orders_table,
                    "Key": marker_key(order, RESERVATION, number),
                    "ConditionExpression": "attribute_exists(order_id)",
                }
                actions = [
                    claim_check(self.orders_table, order, claim),
                    *stock_moves(self.inventory_table, chunk, +1),
                    {"Delete": delete},
                ]
                _must_fit(self._transact(actions, order, claim, None))

    def _markers(self, order: Order, kind: str = RESERVATION) -> set[int]:
        with store_errors():
            answer = self.client.query(
                TableName=self.orders_table,
                KeyConditionExpression="order_id = :order AND begins_with(#item, :marker)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues=to_item({":order": order.order_id, ":marker": f"{kind}#"}),
                ConsistentRead=True,
            )
        return {int(from_item(item)["item"].rpartition("#")[2]) for item in answer["Items"]}

    def _read_shortage(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return the SKUs of which there is too little now, each with the end of others' partial holds."""
        found = DynamoCatalogue(self.client, self.inventory_table).products(wanted, consistent=True)
        return {
            sku: found[sku].partial_until if sku in found else 0
            for sku, quantity in wanted.items()
            if sku not in found or found[sku].on_hand < quantity
        }

    def _shortage(self, short: Mapping[str, int]) -> tuple[Shortage | None, bool]:
        if not short:
            return None, False
        return Shortage(tuple(short)), any(until > self.now() for until in short.values())

    def _transact(
        self, actions: list[dict[str, Any]], order: Order, claim: str, after: Order | None
    ) -> dict[str, int]:
        """Run one transaction; return the SKUs that are short (with `partial_until`), empty when it worked.

        Conflicts with other orders are tried again with jitter, then raised as StockContention.
        """
        for attempt in range(_CONTENTION_TRIES):
            try:
                with store_errors():
                    self.client.transact_write_items(TransactItems=actions)
            except ClientError as error:
                if error_code(error) != TRANSACTION_CANCELED:
                    raise
                failed = [
                    (action, reason)
                    for action, reason in zip(actions, cancellation_reasons(error), strict=True)
                    if reason["Code"] == "ConditionalCheckFailed"
                ]
                if failed:
                    return self._explain_failed_conditions(failed, order, claim, after)
                if not is_passing(error):
                    raise
                self.pause(random.uniform(0, _FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311 - jitter
            else:
                return {}
        raise StockContention(f"the stock of {order.order_id} is moved by others")

    def _explain_failed_conditions(
        self,
        failed: list[tuple[dict[str, Any], dict[str, Any]]],
        order: Order,
        claim: str,
        after: Order | None,
    ) -> dict[str, int]:
        short: dict[str, int] = {}
        for action, reason in failed:
            kind, parameters = next(iter(action.items()))
            if parameters["TableName"] == self.inventory_table:
                old = from_item(reason.get("Item", {}))
                short[parameters["Key"]["sku"]["S"]] = old.get("partial_until", 0)
            elif kind == "Update" and after:
                # Decides over a shortage: when this write had worked before, its stock is already held.
                explain_lost_write(after, claim, order_from_head(reason["Item"]))
                return {}
            elif kind == "ConditionCheck":
                raise ClaimLost(f"{order.order_id} is no longer claimed by {claim}")
            else:
                # The marker says that an earlier try of this very chunk worked though its answer was lost.
                return {}
        return short


def _must_fit(gone: Mapping[str, int]) -> None:
    if gone:
        raise OrderCorrupt(f"no such SKU to give back to: {', '.join(gone)}")
