"""All that an import came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.refund import RefundStatus

if TYPE_CHECKING:
    from orders.retail.accepting import OrderOutcome
    from orders.retail.catalogue_table import CatalogueChange
    from orders.retail.file import RetailFile
    from orders.retail.invoices import Invoices
    from orders.retail.refunding import RefundOutcome
    from orders.retail.tally import Tally


@dataclass(slots=True)
class Imported:
    """All that an import came to; `seconds` are by phase."""

    file: RetailFile
    invoices: Invoices
    products: int
    catalogue: CatalogueChange
    orders: list[OrderOutcome]
    refunds: list[RefundOutcome]
    tally: Tally
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def order_ids(self) -> set[str]:
        """The orders that the API accepted."""
        return {outcome.order_id for outcome in self.orders if outcome.order_id}

    @property
    def stuck(self) -> list[str]:
        """The ids of the orders and refunds that have not ended."""
        orders = [outcome.order_id or "" for outcome in self.orders if outcome.stuck]
        return orders + [outcome.refund_id or "" for outcome in self.refunds if outcome.stuck]

    @property
    def replayed(self) -> int:
        """How many orders and refunds an earlier run had brought."""
        return sum(order.replayed for order in self.orders) + sum(r.replayed for r in self.refunds)

    @property
    def not_completed_minor(self) -> int:
        """What the accepted orders that did not complete come to: imported, and not paid."""
        return sum(o.invoice.total for o in self.orders if o.order_id and not o.completed)

    @property
    def not_refunded_minor(self) -> int:
        """What the accepted refunds that did not succeed come to."""
        return sum(r.planned.amount for r in self.refunds if r.refund_id and not r.succeeded)

    @property
    def refunded_minor(self) -> int:
        """What the succeeded refunds paid back, as the API says."""
        return sum(outcome.amount for outcome in self.refunds if outcome.succeeded)

    @property
    def refunds_failed(self) -> int:
        """How many refunds were accepted and failed."""
        return sum(outcome.status == RefundStatus.FAILED for outcome in self.refunds)
