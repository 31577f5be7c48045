"""The first step of a refund: claims the completed order, unless the refund is finished already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.timestamps import Clock, to_text
from lambdas.services.claimed_order import load_refund
from lambdas.services.step_result import Outcome, StepResult, refund_decided, went_on

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.order_store import OrderStore, RefundStore


@dataclass(frozen=True, slots=True)
class ClaimRefund:
    """`claim_seconds` lies beyond the workflow's timeout, as for an order."""

    orders: OrderStore
    refunds: RefundStore
    claim_seconds: int
    now: Clock

    def __call__(self, order_id: OrderId, refund_id: RefundId, claim: str) -> StepResult:
        """Claim the order; raises OrderBusy, OrderNotFound, OrderCorrupt or StoreUnavailable."""
        order, refund = load_refund(self.orders, self.refunds, order_id, refund_id)
        if refund.finished:
            return refund_decided(order, refund)
        now = self.now()
        self.orders.claim_completed(order_id, claim, int(now.timestamp()) + self.claim_seconds, to_text(now))
        return went_on(Outcome.CLAIMED)
