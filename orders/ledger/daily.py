"""Revenue, refunds and fees of each day, as the postings have them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from orders.ledger.selection import is_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdas.domain.ledger import JournalEntry

INCOME: Final = "Income"
FEES: Final = "Expenses:PaymentFees"


@dataclass(slots=True)
class Day:
    """One day (UTC), in minor units: what was sold and given back, tax not included, and what it cost."""

    day: str
    revenue: int = 0
    refunds: int = 0
    fees: int = 0


def daily(entries: Iterable[JournalEntry]) -> dict[str, list[Day]]:
    """Return each currency's days, from the first to the last that has an entry, without a gap."""
    found: dict[str, dict[str, Day]] = {}
    for entry in entries:
        at = entry.booked_at[:10]
        for posting in entry.postings:
            income = is_within(posting.account, INCOME)
            if not income and not is_within(posting.account, FEES):
                continue
            day = found.setdefault(posting.currency, {}).setdefault(at, Day(at))
            if not income:
                day.fees += posting.amount
            elif posting.amount < 0:
                day.revenue -= posting.amount
            else:
                day.refunds += posting.amount
    return {currency: list(_every_day(days)) for currency, days in sorted(found.items())}


def _every_day(days: dict[str, Day]) -> Iterator[Day]:
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    for number in range((last - first).days + 1):
        day = str(first + timedelta(days=number))
        yield days.get(day, Day(day))
