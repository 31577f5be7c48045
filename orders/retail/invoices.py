"""The rows as invoices and credit notes, each row sorted into what can be imported and what cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from orders.retail.reasons import Reason, fee_reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orders.retail.file import RetailFile, Row, UnreadableRow

CURRENCY: Final = "GBP"
PAYMENT_METHOD: Final = "pm_card_visa"
CREDIT_PREFIX: Final = "C"


@dataclass(slots=True)
class Document:
    """What has a number: `rows` can be imported, `excluded` cannot, each for its reason."""

    number: str
    rows: list[Row] = field(default_factory=list)
    excluded: list[tuple[Row, Reason]] = field(default_factory=list)
    unreadable: list[UnreadableRow] = field(default_factory=list)

    @property
    def customer(self) -> str:
        """Who bought; empty when the file does not say."""
        return next((row.customer for row in self.readable if row.customer), "")

    @property
    def readable(self) -> list[Row]:
        """All its rows but those that could not be read, in the file's order."""
        return sorted([*self.rows, *(row for row, _ in self.excluded)], key=lambda row: row.number)


@dataclass(slots=True)
class CreditNote(Document):
    """A credit note of the file: its rows may become refunds."""


@dataclass(slots=True)
class Invoice(Document):
    """An order of the file: its rows become the order's lines."""

    @property
    def key(self) -> str:
        """The order's Idempotency-Key: a second run submits the same order again, and not another one."""
        return f"retail-{self.number}"

    @property
    def at(self) -> datetime:
        """When its first row was written."""
        return min(row.at for row in self.readable)

    @property
    def lines(self) -> list[Row]:
        """The rows of the order's body, line 1 first: the importable ones, or all as they stand."""
        return self.rows or self.readable

    @property
    def total(self) -> int:
        """What its lines come to, in pennies."""
        return sum(row.amount for row in self.lines)


@dataclass(slots=True)
class Invoices:
    """All that the file says, in the order in which it says it; `homeless` rows name no invoice."""

    orders: dict[str, Invoice] = field(default_factory=dict)
    credit_notes: dict[str, CreditNote] = field(default_factory=dict)
    homeless: list[UnreadableRow] = field(default_factory=list)

    @property
    def without_customer(self) -> int:
        """How many orders and credit notes name no customer."""
        documents = (*self.orders.values(), *self.credit_notes.values())
        return sum(bool(document.readable) and not document.customer for document in documents)

    def named(self, number: str) -> Document:
        """Return the invoice or credit note of this number, a new one at its first row."""
        if is_credit(number):
            return self.credit_notes.setdefault(number, CreditNote(number))
        return self.orders.setdefault(number, Invoice(number))


def sort_rows(file: RetailFile) -> Invoices:
    """Sort every row of the file into its invoice or credit note."""
    invoices = Invoices()
    for row in file.rows:
        reason = credit_reason(row) if is_credit(row.invoice) else sale_reason(row)
        document = invoices.named(row.invoice)
        if reason:
            document.excluded.append((row, reason))
        else:
            document.rows.append(row)
    for unreadable in file.unreadable:
        if unreadable.invoice:
            invoices.named(unreadable.invoice).unreadable.append(unreadable)
        else:
            invoices.homeless.append(unreadable)
    return invoices


def is_credit(invoice: str) -> bool:
    """Tell whether a number is a credit note's."""
    return invoice.upper().startswith(CREDIT_PREFIX)


def sale_reason(row: Row) -> Reason | None:
    """Tell why an invoice's row is no line of an order; None when it is one."""
    if reason := fee_reason(row.sku):
        return reason
    if row.quantity <= 0:
        return Reason.STOCK_WRITE_OFF
    return _price_reason(row)


def credit_reason(row: Row) -> Reason | None:
    """Tell why a credit note's row can be no refund, whatever was ordered; None when it may be one."""
    if reason := fee_reason(row.sku):
        return reason
    if row.quantity > 0:
        return Reason.CREDIT_WITH_POSITIVE_QUANTITY
    if reason := _price_reason(row):
        return reason
    if row.amount == 0:
        return Reason.CREDIT_OF_NOTHING
    return None if row.customer else Reason.CREDIT_WITHOUT_CUSTOMER


def _price_reason(row: Row) -> Reason | None:
    if row.price < 0:
        return Reason.NEGATIVE_PRICE
    return Reason.PRICE_FINER_THAN_PENNY if row.pennies is None else None


def exclude_products(orders: Mapping[str, Invoice], conflicts: Mapping[str, Reason]) -> None:
    """Exclude the rows of products that cannot be sold as the file says."""
    for order in orders.values():
        if any(row.sku in conflicts for row in order.rows):
            order.excluded += [(row, conflicts[row.sku]) for row in order.rows if row.sku in conflicts]
            order.rows = [row for row in order.rows if row.sku not in conflicts]


def price_id(pennies: int) -> str:
    """Name the price point of an amount: `p255` is 2.55."""
    return f"p{pennies}"


def order_body(invoice: Invoice) -> bytes:
    """Make the order's JSON from the file alone, so that it is the same at every run.

    Every line names its price point, at the list price too: the list price is the catalogue's to change.
    An invoice without an importable row goes out as it stands, for the API to refuse.
    """
    if invoice.rows:
        lines = [
            {"sku": row.sku, "quantity": row.quantity, "price_id": price_id(row.pennies or 0)}
            for row in invoice.rows
        ]
        return _body(invoice, lines, invoice.total)
    return _body(invoice, _raw_lines(invoice), _raw_total(invoice))


def _body(invoice: Invoice, lines: list[dict[str, Any]], total: float) -> bytes:
    body: dict[str, Any] = {
        "currency": CURRENCY,
        "reference": f"invoice {invoice.number}",
        "lines": lines,
        "total": total,
    }
    if total:
        body["payment_method"] = PAYMENT_METHOD
    return json.dumps(body).encode()


def _raw_lines(invoice: Invoice) -> list[dict[str, Any]]:
    found = [(row.number, row.sku, row.quantity) for row, _ in invoice.excluded]
    # An unreadable row's quantity stays a text, which the API never takes for a number.
    texts = [(row.number, row.sku, row.quantity) for row in invoice.unreadable]
    return [{"sku": sku, "quantity": quantity} for _, sku, quantity in sorted([*found, *texts])]


def _raw_total(invoice: Invoice) -> float:
    """Add up what the rows say, finer than a penny where they are: that is refused, and not rounded."""
    total = sum((row.price * row.quantity for row, _ in invoice.excluded), start=0) * 100
    return int(total) if total == int(total) else float(total)
