"""Products and their stock in memory: the catalogue and the stock port over one table, as in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import OrderCorrupt, StoreUnavailable
from lambdas.domain.fulfilment import Shortage
from lambdas.domain.lost_write import explain_lost_write
from lambdas.domain.order import quantities_by_sku
from lambdas.domain.reasons import OUT_OF_STOCK
from lambdas.domain.transitions import ending_for, released, reserved
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lambdas.domain.catalogue import Product
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund
    from tests.fakes.orders import InMemoryOrders
    from tests.fakes.refunds import InMemoryRefunds

# As a transaction of DynamoDB takes beside the head.
SKUS_AT_ONCE: Final = 99


@dataclass(slots=True)
class InMemoryInventory:
    """Satisfies `Catalogue` and `Stock`. `faults` knows `products`, `reserve`, `release` and `restock`.

    The head and all quantities of an order move in one step under the lock of `orders`. An order of more than
    `at_once` SKUs is held SKU by SKU, each a step of its own, as DynamoDB holds large ones chunk by chunk;
    `parts` is what such orders hold.
    """

    orders: InMemoryOrders
    refunds: InMemoryRefunds
    stored: dict[str, Product] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    at_once: int = SKUS_AT_ONCE
    parts: dict[OrderId, dict[str, int]] = field(default_factory=dict)

    def add(self, *products: Product) -> None:
        """Put products on sale."""
        self.stored.update({p.sku: p for p in products})

    def on_hand(self, sku: str) -> int:
        """Return what is left to reserve."""
        return self.stored[sku].on_hand

    def products(self, skus: Collection[str]) -> dict[str, Product]:
        """Return the known ones of `skus`."""
        with self.faults.around("products"):
            return {sku: self.stored[sku] for sku in skus if sku in self.stored}

    def reserve(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> Shortage | None:
        """Hold all goods and mark the head, or hold nothing."""
        wanted = quantities_by_sku(lines)
        if len(wanted) > self.at_once:
            return self._reserve_in_parts(order, wanted, claim, at)
        after = reserved(order, at)
        with self.faults.around("reserve"), self.orders.lock:
            short = self._short(wanted)
            if not self._head_fits(after, claim):
                # As in DynamoDB, a head that was changed decides over a shortage.
                explain_lost_write(after, claim, self.orders.head(order.order_id))
                return None
            if short:
                return Shortage(short)
            self.orders.write(after, claim)
            self._move(wanted, -1)
            return None

    def release(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> None:
        """Give everything back and mark the head."""
        after = released(order, at)
        wanted = quantities_by_sku(lines)
        in_parts = len(wanted) > self.at_once
        with self.faults.around("release"), self.orders.lock:
            if not wanted.keys() <= self.stored.keys():
                raise OrderCorrupt("no such SKU to give back to")
            if not self.orders.write(after, claim):
                explain_lost_write(after, claim, self.orders.head(order.order_id))
            elif not in_parts:
                self._move(wanted, +1)
        if in_parts:
            self._give_parts_back(after, claim)

    def restock(self, order: Order, refund: Refund, quantities: Mapping[str, int], claim: str) -> None:
        """Put a refund's goods back on hand with head and refund."""
        with self.faults.around("restock"), self.orders.lock:
            if self.orders.write(order, claim):
                self._move(quantities, +1)
                self.refunds.put(refund)
            else:
                explain_lost_write(order, claim, self.orders.head(order.order_id))

    def release_partial(self, order: Order, lines: tuple[Line, ...], claim: str) -> None:
        """Give back what is held of an order that is held in parts."""
        if len(quantities_by_sku(lines)) > self.at_once:
            self._give_parts_back(order, claim)

    def _reserve_in_parts(
        self, order: Order, wanted: Mapping[str, int], claim: str, at: str
    ) -> Shortage | None:
        if short := self._hold_parts(order, wanted, claim):
            with self.faults.around("reserve"), self.orders.lock:
                ending = ending_for(order, at, order.ending or OUT_OF_STOCK)
                if not self.orders.write(ending, claim):
                    explain_lost_write(ending, claim, self.orders.head(order.order_id))
            self._give_parts_back(ending, claim)
            return Shortage(short)
        after = reserved(order, at)
        with self.faults.around("reserve"), self.orders.lock:
            if self._head_fits(after, claim) and self.parts[order.order_id] != wanted:
                raise StoreUnavailable(f"a part of {order.order_id} was given back by another try")
            if not self.orders.write(after, claim):
                explain_lost_write(after, claim, self.orders.head(order.order_id))
        return None

    def _hold_parts(self, order: Order, wanted: Mapping[str, int], claim: str) -> tuple[str, ...]:
        held = self.parts.setdefault(order.order_id, {})
        todo = {sku: quantity for sku, quantity in wanted.items() if sku not in held}
        if short := self._short(todo):
            return short
        for sku, quantity in todo.items():
            with self.faults.around("reserve"), self.orders.lock:
                self._check_head(order, claim)
                if sku not in held:
                    if short := self._short({sku: quantity}):
                        return short
                    self._move({sku: quantity}, -1)
                    held[sku] = quantity
        return ()

    def _give_parts_back(self, order: Order, claim: str) -> None:
        held = self.parts.setdefault(order.order_id, {})
        for sku in tuple(held):
            with self.faults.around("release"), self.orders.lock:
                self._check_head(order, claim)
                if quantity := held.pop(sku, 0):
                    self._move({sku: quantity}, +1)

    def _check_head(self, order: Order, claim: str) -> None:
        found = self.orders.head(order.order_id)
        if (found.claim, found.revision) != (claim, order.revision):
            explain_lost_write(order, claim, found)

    def _short(self, wanted: Mapping[str, int]) -> tuple[str, ...]:
        return tuple(sku for sku, n in wanted.items() if sku not in self.stored or self.on_hand(sku) < n)

    def _head_fits(self, after: Order, claim: str) -> bool:
        found = self.orders.head(after.order_id)
        return found.claim == claim and found.revision == after.revision - 1

    def _move(self, quantities: Mapping[str, int], sign: int) -> None:
        for sku, quantity in quantities.items():
            product = self.stored[sku]
            self.stored[sku] = replace(product, on_hand=product.on_hand + sign * quantity)
