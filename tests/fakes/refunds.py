"""The refunds of orders in memory, written together with their heads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.domain.lost_write import explain_lost_write
from lambdas.domain.refund import Refund, RefundStatus
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.order import Order
    from tests.fakes.orders import InMemoryOrders


@dataclass(slots=True)
class InMemoryRefunds:
    """Satisfies `RefundAcceptor` and `RefundStore`.

    `faults` knows `refund`, `refunds_of`, `request`, `save_refund` and `set_refund_aside`.
    """

    orders: InMemoryOrders
    stored: dict[RefundId, Refund] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def refund(self, order_id: OrderId, refund_id: RefundId) -> Refund | None:
        """Return a refund of the order."""
        with self.faults.around("refund"):
            found = self.stored.get(refund_id)
            return found if found and found.order_id == order_id else None

    def refunds_of(self, order_id: OrderId) -> tuple[Refund, ...]:
        """Return the order's refunds, oldest first."""
        with self.faults.around("refunds_of"):
            found = [refund for refund in self.stored.values() if refund.order_id == order_id]
            return tuple(sorted(found, key=lambda refund: (refund.requested_at, refund.refund_id)))

    def request(self, order: Order, refund: Refund) -> bool:
        """Write head and new refund."""
        with self.faults.around("request"), self.orders.lock:
            if refund.refund_id in self.stored or not self.orders.write(order, None):
                return False
            self.stored[refund.refund_id] = refund
            return True

    def save_refund(self, order: Order, refund: Refund, claim: str) -> None:
        """Write head and refund under the claim."""
        with self.faults.around("save_refund"), self.orders.lock:
            if self.orders.write(order, claim):
                self.put(refund)
            else:
                explain_lost_write(order, claim, self.orders.head(order.order_id))

    def set_refund_aside(self, order_id: OrderId, refund_id: RefundId, at: str, failure: str) -> None:
        """Let a refund that is not decided wait for an operator."""
        with self.faults.around("set_refund_aside"), self.orders.lock:
            found = self.stored.get(refund_id)
            if found and found.order_id == order_id and found.status is RefundStatus.REQUESTED:
                aside = RefundStatus.ATTENTION_REQUIRED
                self.stored[refund_id] = replace(found, status=aside, failure=failure, updated_at=at)

    def put(self, refund: Refund) -> None:
        """Write what changes of a refund; the caller has the lock."""
        found = self.stored[refund.refund_id]
        succeeded = refund.status is RefundStatus.SUCCEEDED
        self.stored[refund.refund_id] = replace(
            found,
            status=refund.status,
            updated_at=refund.updated_at,
            restocked=refund.restocked,
            failure=None if succeeded else refund.failure or found.failure,
            psp_reference=refund.psp_reference or found.psp_reference,
        )
