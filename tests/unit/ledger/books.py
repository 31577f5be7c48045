"""A ledger of two months in three currencies, as the reports read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import (
    CAPTURE,
    RECEIVABLE,
    REFUND,
    SALES,
    SALES_TAX,
    JournalEntry,
    Posting,
)
from orders.ledger.reading import Ledger
from orders.ledger.selection import Selection, Span
from tests.fakes.sealed_log import MemoryLedger

BEGINNING: Final = "2026-11-01T00:00:00.000Z"
END: Final = "2027-01-01T00:00:00.000Z"
ALL: Final = Selection(Span(BEGINNING, END))
NOVEMBER: Final = Selection(Span(BEGINNING, "2026-12-01T00:00:00.000Z"))
DECEMBER: Final = Selection(Span("2026-12-01T00:00:00.000Z", END))
TEA: Final = OrderId("ord_" + "t" * 26)
RAMEN: Final = OrderId("ord_" + "r" * 26)
DATES: Final = OrderId("ord_" + "d" * 26)


def sale(order_id: OrderId, booked_at: str, currency: str, total: int, tax: int) -> JournalEntry:
    """A capture."""
    return JournalEntry(
        order_id=order_id,
        entry_no=1,
        kind=CAPTURE,
        booked_at=booked_at,
        postings=(
            Posting(RECEIVABLE, currency, total),
            Posting(SALES, currency, tax - total),
            Posting(SALES_TAX, currency, -tax),
        ),
        psp_reference=f"pi_{order_id[4]}",
        event_id=f"{order_id}.capture",
        actor="workflow",
    )


def refund(of: JournalEntry, booked_at: str) -> JournalEntry:
    """All of it back."""
    return replace(
        of,
        entry_no=2,
        kind=REFUND,
        booked_at=booked_at,
        postings=tuple(replace(p, amount=-p.amount) for p in of.postings),
        psp_reference=f"re_{of.order_id[4]}",
        event_id='ref_"a".succeeded',
        reason_code="returned",
        reverses=of.entry_id,
    )


SOLD: Final = sale(TEA, "2026-11-30T23:59:59.999Z", "GBP", 1_200, 200)
ENTRIES: Final = (
    SOLD,
    sale(RAMEN, "2026-12-01T00:00:00.000Z", "JPY", 1_100, 100),
    sale(DATES, "2026-12-02T08:00:00.000Z", "KWD", 1_001, 1),
    refund(SOLD, "2026-12-31T23:59:59.999Z"),
)


def a_ledger(*entries: JournalEntry) -> Ledger:
    """The ledger, with these entries or all of them."""
    return Ledger(MemoryLedger(list(entries or ENTRIES)), BEGINNING)
