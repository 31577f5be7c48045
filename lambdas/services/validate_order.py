"""The first step: claims the order, and checks that what was accepted can still be sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt
from lambdas.domain.order import FulfillmentStatus
from lambdas.domain.reasons import PRODUCT_WITHDRAWN
from lambdas.domain.timestamps import Clock, to_text
from lambdas.services.step_result import Outcome, StepResult, ended, went_on

if TYPE_CHECKING:
    from lambdas.domain.catalogue import Catalogue
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order_store import OrderStore


@dataclass(frozen=True, slots=True)
class ValidateOrder:
    """`claim_seconds` lies beyond the workflow's timeout: nobody else may hold the order while it runs."""

    orders: OrderStore
    catalogue: Catalogue
    claim_seconds: int
    now: Clock

    def __call__(self, order_id: OrderId, claim: str) -> StepResult:
        """Claim the order; raises OrderBusy, OrderNotFound, OrderCorrupt or StoreUnavailable."""
        now = self.now()
        order = self.orders.claim(order_id, claim, int(now.timestamp()) + self.claim_seconds, to_text(now))
        if order.terminal:
            return ended(order, Outcome.ALREADY_ENDED)
        if order.stop_reason:
            return went_on(Outcome.UNFULFILLABLE, reason=order.stop_reason)
        lines = self.orders.lines_of(order)
        if sum(line.total for line in lines) != order.total:
            raise OrderCorrupt(f"the total of {order_id} is not the sum of its lines")
        if order.fulfillment_status is FulfillmentStatus.UNRESERVED and not order.payment_intent:
            skus = {line.sku for line in lines}
            if skus - self.catalogue.products(skus).keys():
                return went_on(Outcome.UNFULFILLABLE, reason=PRODUCT_WITHDRAWN)
        return went_on(Outcome.CLAIMED)
