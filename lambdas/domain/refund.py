"""A refund: money that goes back to the customer of a completed order, once per refund."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.domain.money import Money, included_tax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.order import Line, Order

REASON_CODES: Final = (
    "customer_request",
    "returned",
    "damaged",
    "not_received",
    "duplicate",
    "goodwill",
    "pricing_error",
    "other",
)


class RefundStatus(StrEnum):
    """Where a refund stands."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ATTENTION_REQUIRED = "attention_required"


@dataclass(frozen=True, slots=True)
class RefundLine:
    """So many of the order's line with this number (from 1)."""

    line: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund as it is stored; `amount` is in minor units of the order's currency.

    `failure` is the provider's code, or the failure that an operator has to look at. `restocked` tells
    whether the goods are back on hand, where `restock` wants them there.
    """

    refund_id: RefundId
    order_id: OrderId
    amount: int
    currency: str
    reason_code: str
    restock: bool
    request_hash: str
    requested_at: str
    updated_at: str
    lines: tuple[RefundLine, ...] = ()
    status: RefundStatus = RefundStatus.REQUESTED
    failure: str | None = None
    psp_reference: str | None = None
    restocked: bool = False

    @property
    def money(self) -> Money:
        """What goes back to the customer."""
        return Money(self.amount, self.currency)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do for it."""
        if self.status is RefundStatus.SUCCEEDED:
            return self.restocked or not self.restock
        return self.status is RefundStatus.FAILED

    def as_requested(self) -> Refund:
        """Return the refund as its first answer showed it, whatever became of it since."""
        return replace(
            self,
            status=RefundStatus.REQUESTED,
            updated_at=self.requested_at,
            failure=None,
            psp_reference=None,
            restocked=False,
        )


def refunded_quantities(refunds: Iterable[Refund]) -> dict[int, int]:
    """Add up how many of each line are refunded or about to be, by the line's number."""
    gone: dict[int, int] = {}
    for refund in refunds:
        if refund.status is not RefundStatus.FAILED:
            for part in refund.lines:
                gone[part.line] = gone.get(part.line, 0) + part.quantity
    return gone


def quantities_to_restock(refund: Refund, lines: Sequence[Line]) -> dict[str, int]:
    """Add up what comes back of each SKU, sorted by SKU."""
    back: dict[str, int] = {}
    for part in refund.lines:
        sku = lines[part.line - 1].sku
        back[sku] = back.get(sku, 0) + part.quantity
    return dict(sorted(back.items()))


def tax_of_refund(order: Order, refund: Refund, lines: Sequence[Line]) -> int:
    """Return the tax inside a refund, in minor units, so that all refunds together never return more.

    For lines that make up the amount it is theirs, else the order's own share of tax, half a unit rounded up.
    Either is kept within what is left of tax and of net, so that the last refund closes both to zero.
    """
    parts = [(lines[p.line - 1], p.quantity) for p in refund.lines]
    if sum(line.unit_price * quantity for line, quantity in parts) == refund.amount:
        share = sum(included_tax(line.unit_price * quantity, line.tax_rate) for line, quantity in parts)
    else:
        share = (2 * order.tax * refund.amount + order.total) // (2 * order.total)
    tax_left = order.tax - order.refunds.tax
    net_left = order.total - order.refunds.refunded - tax_left
    return max(0, refund.amount - net_left, min(share, tax_left, refund.amount))
