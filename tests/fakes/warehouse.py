"""A warehouse in memory: one shipment per order or none for ever, whatever it is asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt
from lambdas.domain.fulfilment import ShipmentRefused
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.identifiers import OrderId


@dataclass(slots=True)
class InMemoryWarehouse:
    """Satisfies `Warehouse`: refuses orders with a SKU in `refused_skus`. `faults` knows `ship` and `cancel`.

    `cancelled` are the orders under which nothing will ever be shipped; `calls` counts those of `ship`.
    """

    shipments: dict[OrderId, dict[str, int]] = field(default_factory=dict)
    cancelled: set[OrderId] = field(default_factory=set)
    refused_skus: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ship(self, order_id: OrderId, quantities: Mapping[str, int]) -> ShipmentRefused | None:
        """Book the shipment under the order's id."""
        with self.faults.around("ship"), self._lock:
            self.calls += 1
            if order_id in self.cancelled:
                return ShipmentRefused("cancelled")
            if self.refused_skus & quantities.keys():
                return ShipmentRefused("address_unreachable")
            booked = self.shipments.setdefault(order_id, dict(quantities))
            if booked != quantities:
                raise OrderCorrupt(f"the warehouse holds another shipment under {order_id}")
            return None

    def cancel(self, order_id: OrderId) -> bool:
        """Rule the order's shipment out, unless it is booked."""
        with self.faults.around("cancel"), self._lock:
            if order_id in self.shipments:
                return False
            self.cancelled.add(order_id)
            return True
