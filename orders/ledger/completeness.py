"""Holds an order against its journal entries: every movement of its money is booked, once and by number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lambdas.domain.ledger import CAPTURE, RECEIVABLE, REFUND, SALES_TAX
from lambdas.domain.money import Money
from lambdas.domain.order import PaymentStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Order

INTACT: Final = "intact"
BALANCED: Final = "balanced"
COMPLETE: Final = "complete"
GAP_FREE: Final = "gap_free"
_TAKEN: Final = frozenset({PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up: which check found it, on which entry, order or month."""

    check: str
    subject: str
    what: str


def hold_against(order: Order, entries: Iterable[JournalEntry]) -> Iterator[Finding]:
    """Yield what is wrong between an order's head and the entries that are booked for it."""
    booked = sorted(entries, key=lambda entry: entry.entry_no)
    yield from _numbers(order, {entry.entry_no for entry in booked})
    for entry in booked:
        foreign = sorted({p.currency for p in entry.postings} - {order.currency})
        if foreign:
            what = f"booked in {', '.join(foreign)}, and {order.order_id} is in {order.currency}"
            yield Finding(COMPLETE, entry.entry_id, what)
    taken = order.payment_status in _TAKEN
    sums = _sums(booked, order.currency)
    for name, says, books in (
        ("captured", order.total if taken else 0, sums[CAPTURE, RECEIVABLE]),
        ("taxed", order.tax if taken else 0, -sums[CAPTURE, SALES_TAX]),
        ("refunded", order.refunds.refunded, -sums[REFUND, RECEIVABLE]),
        ("given tax back", order.refunds.tax, sums[REFUND, SALES_TAX]),
    ):
        if says != books:
            order_has, ledger_has = Money(says, order.currency), Money(books, order.currency)
            what = f"{name}: {order_has} by the order, {ledger_has} by the ledger"
            yield Finding(COMPLETE, order.order_id, what)


def _numbers(order: Order, found: set[int]) -> Iterator[Finding]:
    wanted = set(range(1, order.entries + 1))
    if missing := sorted(wanted - found):
        what = f"of its {order.entries} entries {_listed(missing)} is missing or unreadable"
        yield Finding(GAP_FREE, order.order_id, what)
    if more := sorted(found - wanted):
        yield Finding(GAP_FREE, order.order_id, f"has {order.entries} entries, and {_listed(more)} is there")


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _sums(entries: Iterable[JournalEntry], currency: str) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in entry.postings:
            if posting.currency == currency:
                sums[entry.kind, posting.account] += posting.amount
    return sums
