"""Finds the sale that each row of a credit note takes back.

It goes by the file and by how the orders ended, never by what the API would refund at present: a second run
finds the same sales and asks for the same refunds under the same keys.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from orders.retail.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from decimal import Decimal

    from orders.retail.file import Row
    from orders.retail.invoices import CreditNote, Invoice

REASON_CODE: Final = "returned"


@dataclass(slots=True)
class PlannedRefund:
    """What one credit note takes back of one order; `quantities` are by the order's line numbers, from 1."""

    credit_note: str
    invoice: str
    order_id: str
    rows: list[Row] = field(default_factory=list)
    quantities: dict[int, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The refund's Idempotency-Key."""
        return f"retail-{self.credit_note}-{self.invoice}"

    @property
    def amount(self) -> int:
        """What its rows come to, in pennies; positive."""
        return -sum(row.amount for row in self.rows)

    def body(self) -> bytes:
        """Make the refund's JSON; the goods came back."""
        lines = [{"line": line, "quantity": q} for line, q in sorted(self.quantities.items())]
        return json.dumps({"reason_code": REASON_CODE, "lines": lines, "restock": True}).encode()


@dataclass(slots=True)
class Sale:
    """A completed order, and what is left of each of its lines."""

    invoice: str
    order_id: str
    customer: str
    at: datetime
    lines: dict[tuple[str, Decimal], list[_Line]]


@dataclass(slots=True)
class _Line:
    number: int
    left: int


@dataclass(slots=True)
class Matched:
    """The refunds to ask for, and the rows that no sale was found for."""

    refunds: list[PlannedRefund] = field(default_factory=list)
    excluded: list[tuple[Row, Reason]] = field(default_factory=list)


def sale_of(invoice: Invoice, order_id: str) -> Sale:
    """Describe a completed order by its rows."""
    lines: dict[tuple[str, Decimal], list[_Line]] = {}
    for number, row in enumerate(invoice.lines, 1):
        lines.setdefault((row.sku, row.price), []).append(_Line(number, row.quantity))
    return Sale(invoice.number, order_id, invoice.customer, invoice.at, lines)


def match_credits(notes: Iterable[CreditNote], sales: Iterable[Sale], unsure: Collection[str]) -> Matched:
    """Match every row of the notes, the earliest first; it uses up what it takes of `sales`.

    `unsure` are the customers of whose orders one has not ended: which sale is meant is not known yet.
    """
    by_customer: dict[str, list[Sale]] = {}
    # The newest first; of one minute's the one that stands later in the file.
    for _, sale in sorted(enumerate(sales), key=lambda numbered: (numbered[1].at, numbered[0]), reverse=True):
        by_customer.setdefault(sale.customer, []).append(sale)
    matched = Matched()
    refunds: dict[tuple[str, str], PlannedRefund] = {}
    rows = sorted((row for note in notes for row in note.rows), key=lambda row: (row.at, row.number))
    for row in rows:
        if row.customer in unsure:
            matched.excluded.append((row, Reason.CREDIT_AWAITS_ORDER))
            continue
        found = _find(row, by_customer.get(row.customer, []))
        if isinstance(found, Reason):
            matched.excluded.append((row, found))
            continue
        planned = PlannedRefund(row.invoice, found.invoice, found.order_id)
        _take(row, found, refunds.setdefault((row.invoice, found.invoice), planned))
    matched.refunds = list(refunds.values())
    return matched


def _find(row: Row, sales: list[Sale]) -> Sale | Reason:
    earlier = [sale for sale in sales if sale.at <= row.at]
    if not earlier:
        return Reason.CREDIT_ORDER_UNKNOWN
    named = [sale for sale in earlier if (row.sku, row.price) in sale.lines]
    if not named:
        return Reason.CREDIT_LINE_UNKNOWN
    enough = (s for s in named if sum(n.left for n in s.lines[row.sku, row.price]) >= -row.quantity)
    return next(enough, Reason.CREDIT_EXCEEDS_SALE)


def _take(row: Row, sale: Sale, refund: PlannedRefund) -> None:
    """Take the row's quantity from the lines that name its product and price, the first of them first."""
    wanted = -row.quantity
    for line in sale.lines[row.sku, row.price]:
        taken = min(wanted, line.left)
        if taken:
            line.left -= taken
            wanted -= taken
            refund.quantities[line.number] = refund.quantities.get(line.number, 0) + taken
    refund.rows.append(row)
