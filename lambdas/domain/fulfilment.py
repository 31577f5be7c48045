"""Ports of stock and warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class Shortage:
    """SKUs of which there is not enough; nothing is held for the order."""

    skus: tuple[str, ...]


class Stock(Protocol):
    """Moves stock, all or nothing per order; every call may be repeated."""

    def reserve(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> Shortage | None:
        """Hold the order's goods and mark its head authorised and reserved.

        After a shortage a large order's head says that it is to end, before what was held is given back.
        Raises StockContention, ClaimLost or StoreUnavailable; what is held so far stays and is resumed.
        """
        ...

    def release(self, order: Order, lines: tuple[Line, ...], claim: str, at: str) -> None:
        """Give the order's goods back and mark its head released."""
        ...

    def release_partial(self, order: Order, lines: tuple[Line, ...], claim: str) -> None:
        """Give back what an earlier try left held of an order that is not reserved, or not any more."""
        ...

    def restock(self, order: Order, refund: Refund, quantities: Mapping[str, int], claim: str) -> None:
        """Put a refund's goods back on hand and write head and refund, as they are after it."""
        ...


@dataclass(frozen=True, slots=True)
class ShipmentRefused:
    """The warehouse will not ship this order, with its reason's code."""

    code: str


class Warehouse(Protocol):
    """Books and cancels shipments under the order's id, so that a repeated call changes nothing.

    Every method raises WarehouseUnavailable when the outcome is not known, and ProviderRefused when no retry
    mends it.
    """

    def ship(self, order_id: OrderId, quantities: Mapping[str, int]) -> ShipmentRefused | None:
        """Book the shipment; a cancelled order's is refused with the code `cancelled`."""
        ...

    def cancel(self, order_id: OrderId) -> bool:
        """Rule a shipment out; True: nothing was shipped and nothing ever will be under this order.

        False: it was accepted for shipment already, too late.
        """
        ...
