"""Stock in the inventory table: all or nothing per order, never below zero, resumable after a crash.

An order of at most 99 SKUs is one transaction with the order's head; a larger one is held in chunks
(`chunked_stock.py`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.chunked_stock import ChunkedStock
from lambdas.adapters.dynamodb.order_items import head_update
from lambdas.adapters.dynamodb.refunds import refund_update
from lambdas.adapters.dynamodb.stock_moves import MAX_ACTIONS, stock_moves
from lambdas.adapters.dynamodb.stock_transactions import StockTransactions
from lambdas.domain.fulfilment import Shortage
from lambdas.domain.order import quantities_by_sku
from lambdas.domain.transitions import released, reserved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund

SKUS_WITH_HEAD: Final = MAX_ACTIONS - 1
SKUS_WITH_HEAD_AND_REFUND: Final = MAX_ACTIONS - 2
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
        if len(wanted) <= SKUS_WITH_HEAD:
            return self._reserve_at_once(order, wanted, claim, at)
        stock = self._chunked(claim)
        short = stock.hold(order, wanted, at, self.now())
        if self._is_passing(short):
            stock.give_back(order, wanted)
            self.pause(_SHORTAGE_DELAY_SECONDS)
            short = stock.hold(order, wanted, at, self.now())
        if not short:
            return None
        stock.give_up(order, wanted, at)
        return Shortage(tuple(short))

    def release(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> None:
        """Give everything back and mark the head released."""
        wanted = quantities_by_sku(lines)
        if len(wanted) > SKUS_WITH_HEAD:
            self._chunked(claim).release(order, wanted, at)
            return
        after = released(order, at)
        head = {"Update": head_update(after, claim, self.orders_table)}
        actions = [*stock_moves(self.inventory_table, wanted, +1), head]
        self._transactions.run_without_shortage(actions, after, claim)

    def release_partial(self, order: Order, lines: tuple[Line, ...], claim: str) -> None:
        """Give back the chunks that are held; an order that is held at once has none."""
        wanted = quantities_by_sku(lines)
        if len(wanted) > SKUS_WITH_HEAD:
            self._chunked(claim).give_back(order, wanted)

    def restock(self, order: Order, refund: Refund, quantities: Mapping[str, int], claim: str) -> None:
        """Put a refund's goods back on hand with the changed head and refund."""
        last = [
            {"Update": head_update(order, claim, self.orders_table)},
            {"Update": refund_update(refund, self.orders_table)},
        ]
        if len(quantities) <= SKUS_WITH_HEAD_AND_REFUND:
            moves = stock_moves(self.inventory_table, quantities, +1)
            self._transactions.run_without_shortage([*moves, *last], order, claim)
            return
        self._chunked(claim).restock(order, refund, quantities)
        self._transactions.run(last, order, claim)

    def _reserve_at_once(
        self, order: Order, wanted: Mapping[str, int], claim: str, at: str
    ) -> Shortage | None:
        after = reserved(order, at)
        head = {"Update": head_update(after, claim, self.orders_table)}
        actions = [*stock_moves(self.inventory_table, wanted, -1), head]
        short = self._transactions.run(actions, after, claim)
        if self._is_passing(short):
            self.pause(_SHORTAGE_DELAY_SECONDS)
            short = self._transactions.run(actions, after, claim)
        return Shortage(tuple(short)) if short else None

    def _is_passing(self, short: Mapping[str, int]) -> bool:
        """Tell whether another order may give back what is short."""
        return any(until > self.now() for until in short.values())

    @property
    def _transactions(self) -> StockTransactions:
        return StockTransactions(self.client, self.inventory_table, self.pause)

    def _chunked(self, claim: str) -> ChunkedStock:
        return ChunkedStock(self._transactions, self.orders_table, claim)
