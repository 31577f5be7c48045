"""Which part of the ledger a report is of: a span of time, an order, an account, a currency."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.timestamps import to_text

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.ledger import JournalEntry, Posting

# A year, a month or a day, all of the calendar of UTC.
_PERIOD: Final = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Span:
    """The time `[since, until)` as RFC 3339 in UTC; such texts sort by time."""

    since: str
    until: str

    @property
    def last_day(self) -> str:
        """The last day that it reaches into, as `YYYY-MM-DD`."""
        return to_text(datetime.fromisoformat(self.until) - timedelta(milliseconds=1))[:10]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report is of. `account` takes the accounts below it too: `Assets` is every asset."""

    span: Span
    order_id: OrderId | None = None
    account: str | None = None
    currency: str | None = None

    def takes(self, entry: JournalEntry) -> bool:
        """Tell whether an entry is in it: one of its postings is enough."""
        in_time = self.span.since <= entry.booked_at < self.span.until
        return in_time and any(map(self.takes_posting, entry.postings))

    def takes_posting(self, posting: Posting) -> bool:
        """Tell whether a posting is in it."""
        return (self.currency in {None, posting.currency}) and (
            self.account is None or is_within(posting.account, self.account)
        )

    def before(self, beginning: str) -> Selection:
        """Return what is carried forward into it: the same, from the ledger's beginning on."""
        return replace(self, span=Span(min(beginning, self.span.since), self.span.since))


def is_within(account: str, parent: str) -> bool:
    """Tell whether an account is another one or below it."""
    return account == parent or account.startswith(f"{parent}:")


def span_of(period: str) -> Span:
    """Return the span of a year, a month or a day: `2026`, `2026-12`, `2026-12-24`.

    Raises:
        ValueError: it is none of them.
    """
    match = _PERIOD.fullmatch(period)
    if not match:
        raise ValueError(f"no period: {period!r}")
    year, month, day = (int(part) if part else None for part in match.groups())
    start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
    if day:
        end = start + timedelta(days=1)
    elif month:
        end = start.replace(year=start.year + month // _MONTHS, month=month % _MONTHS + 1)
    else:
        end = start.replace(year=start.year + 1)
    return Span(to_text(start), to_text(end))
