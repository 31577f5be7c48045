"""Puts the goods of a refund back on hand: the last step of a refund that wants it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt
from lambdas.domain.refund import RefundStatus, quantities_to_restock
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import restocked
from lambdas.services.claimed_order import load_claimed_refund
from lambdas.services.step_result import StepResult, refund_decided

if TYPE_CHECKING:
    from lambdas.domain.fulfilment import Stock
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.order_store import OrderStore, RefundStore


@dataclass(frozen=True, slots=True)
class RestockRefund:
    """After the money: a customer does not wait for a shelf."""

    orders: OrderStore
    refunds: RefundStore
    stock: Stock
    now: Clock

    def __call__(self, order_id: OrderId, refund_id: RefundId, claim: str) -> StepResult:
        """Restock and finish the refund; raises StockContention, ClaimLost or StoreUnavailable."""
        order, refund = load_claimed_refund(self.orders, self.refunds, order_id, refund_id, claim)
        if refund.finished:
            return refund_decided(order, refund)
        if refund.status is not RefundStatus.SUCCEEDED:
            raise OrderCorrupt(f"{refund_id} is to be restocked while {refund.status}")
        at = to_text(self.now())
        quantities = quantities_to_restock(refund, self.orders.lines_of(order))
        after, done = restocked(order, at), replace(refund, restocked=True)
        self.stock.restock(after, done, quantities, claim)
        return refund_decided(after, done)
