"""Products and their stock in memory: the catalogue and the stock port over one table, as in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt
from lambdas.domain.fulfilment import Shortage
from lambdas.domain.lost_write import explain_lost_write
from lambdas.domain.order import quantities_by_sku
from lambdas.domain.transitions import released, reserved
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lambdas.domain.catalogue import Product
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund
    from tests.fakes.orders import InMemoryOrders
    from tests.fakes.refunds import InMemoryRefunds


@dataclass(slots=True)
class InMemoryInventory:
    """Satisfies `Catalogue` and `Stock`. `faults` knows `products`, `reserve`, `release` and `restock`.

    The head and all quantities of an order move in one step under the lock of `orders`.
    """

    orders: InMemoryOrders
    refunds: InMemoryRefunds
    stored: dict[str, Product] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

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
        after = reserved(order, at)
        with self.faults.around("reserve"), self.orders.lock:
            wanted = quantities_by_sku(lines)
            short = tuple(sku for sku, n in wanted.items() if sku not in self.stored or self.on_hand(sku) < n)
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
        with self.faults.around("release"), self.orders.lock:
            wanted = quantities_by_sku(lines)
            if not wanted.keys() <= self.stored.keys():
                raise OrderCorrupt("no such SKU to give back to")
            if self.orders.write(after, claim):
                self._move(wanted, +1)
            else:
                explain_lost_write(after, claim, self.orders.head(order.order_id))

    def restock(self, order: Order, refund: Refund, quantities: Mapping[str, int], claim: str) -> None:
        """Put a refund's goods back on hand with head and refund."""
        with self.faults.around("restock"), self.orders.lock:
            if self.orders.write(order, claim):
                self._move(quantities, +1)
                self.refunds.put(refund)
            else:
                explain_lost_write(order, claim, self.orders.head(order.order_id))

    def release_partial(self, order: Order, lines: tuple[Line, ...], claim: str) -> None:
        """Do nothing: here an order is held at once, whatever its size."""

    def _head_fits(self, after: Order, claim: str) -> bool:
        found = self.orders.head(after.order_id)
        return found.claim == claim and found.revision == after.revision - 1

    def _move(self, quantities: Mapping[str, int], sign: int) -> None:
        for sku, quantity in quantities.items():
            product = self.stored[sku]
            self.stored[sku] = replace(product, on_hand=product.on_hand + sign * quantity)
