"""Books into the present period and into no other.

A month is closed at the earliest twice the grace after its end, so that an entry whose time is a minute old
at the most can never come into a closed one. That asks no store: a check of a record that every booking
reads would cost each of them, and all bookings of a month would meet at one item.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import BookingTooOld
from lambdas.domain.timestamps import Clock, from_text

if TYPE_CHECKING:
    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import Journal
    from lambdas.domain.refund import Refund

# Longer than a function that books may run, and well below the grace.
OLDEST: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class PresentJournal:
    """A journal that refuses times of the past, and of a future that no skew of clocks explains."""

    journal: Journal
    now: Clock

    def book(self, order: Order, entry: JournalEntry, claim: str, refund: Refund | None = None) -> None:
        """As the journal does; raises BookingTooOld, after which a next try takes the present time."""
        age = self.now() - from_text(entry.booked_at)
        if abs(age) > OLDEST:
            raise BookingTooOld(f"{entry.entry_id} is of {entry.booked_at}: only the present is booked")
        self.journal.book(order, entry, claim, refund)
