"""Reserves the order's goods, all or nothing, and has the warehouse ship them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.fulfilment import ShipmentRefused
from lambdas.domain.order import FulfillmentStatus, quantities_by_sku
from lambdas.domain.reasons import OUT_OF_STOCK, SHIPMENT_REFUSED
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import reserved
from lambdas.services.claimed_order import load_claimed
from lambdas.services.step_result import Outcome, StepResult, ended, went_on

if TYPE_CHECKING:
    from lambdas.domain.fulfilment import Stock, Warehouse
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Line, Order
    from lambdas.domain.order_store import OrderStore


@dataclass(frozen=True, slots=True)
class FulfilOrder:
    """Stock first, then the shipment: from the reservation on, the shipment may have been booked."""

    orders: OrderStore
    stock: Stock
    warehouse: Warehouse
    now: Clock

    def __call__(self, order_id: OrderId, claim: str) -> StepResult:
        """Reserve and ship; a shortage or a refusal is an outcome.

        Raises StockContention, WarehouseUnavailable, ClaimLost or StoreUnavailable.
        """
        order = load_claimed(self.orders, order_id, claim)
        if order.terminal:
            return ended(order, Outcome.ALREADY_ENDED)
        lines = self.orders.lines_of(order)
        if order.stop_reason or order.fulfillment_status is FulfillmentStatus.RELEASED:
            return self._turn_back(order, lines, claim, order.stop_reason or SHIPMENT_REFUSED)
        if order.fulfillment_status is FulfillmentStatus.UNRESERVED:
            at = to_text(self.now())
            if self.stock.reserve(order, lines, claim, at):
                return went_on(Outcome.UNFULFILLABLE, reason=OUT_OF_STOCK)
            order = reserved(order, at)
        refusal = self.warehouse.ship(order_id, quantities_by_sku(lines))
        if isinstance(refusal, ShipmentRefused):
            return self._turn_back(order, lines, claim, SHIPMENT_REFUSED)
        return went_on(Outcome.SHIPPED)

    def release(self, order_id: OrderId, claim: str, reason: str) -> StepResult:
        """Give back what earlier tries hold of an order that is to end; too late when it was shipped."""
        order = load_claimed(self.orders, order_id, claim)
        if order.terminal:
            return ended(order, Outcome.ALREADY_ENDED)
        return self._turn_back(order, self.orders.lines_of(order), claim, reason)

    def _turn_back(self, order: Order, lines: tuple[Line, ...], claim: str, reason: str) -> StepResult:
        if order.fulfillment_status is FulfillmentStatus.RESERVED:
            # The shipment may have been booked, or may yet be by a try that comes late: only the warehouse
            # knows, and its answer settles it.
            if not self.warehouse.cancel(order.order_id):
                return went_on(Outcome.SHIPPED)
            self.stock.release(order, lines, claim, to_text(self.now()))
        else:
            self.stock.release_partial(order, lines, claim)
        return went_on(Outcome.UNFULFILLABLE, reason=reason)
