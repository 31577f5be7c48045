"""A closed month refuses bookings, because only the present is booked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import BookingTooOld
from lambdas.domain.ledger import JournalEntry, capture_entry
from lambdas.domain.timestamps import to_text
from lambdas.services.present_journal import OLDEST, PresentJournal
from stacks.environments import settings_for
from stacks.timeouts import FUNCTION_SECONDS
from tests.fakes.clock import FakeClock
from tests.fakes.orders_made import an_order

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund


@dataclass
class Booked:
    """A journal that remembers."""

    entries: list[JournalEntry] = field(default_factory=list)

    def book(self, order: Order, entry: JournalEntry, claim: str, refund: Refund | None = None) -> None:  # noqa: ARG002 - the port's
        """Book."""
        self.entries.append(entry)


def entry_aged(clock: FakeClock, **age: float) -> JournalEntry:
    return capture_entry(an_order(), to_text(clock() - timedelta(**age)), "pi_1")


@pytest.mark.parametrize("seconds", [0, 10, 60, -60])
def test_the_present_is_booked(seconds: float) -> None:
    booked, clock = Booked(), FakeClock()
    entry = entry_aged(clock, seconds=seconds)
    PresentJournal(booked, clock).book(an_order(), entry, "claim")
    assert booked.entries == [entry]


@pytest.mark.parametrize("age", [{"seconds": 61}, {"seconds": -61}, {"minutes": 30}, {"days": 31}], ids=str)
def test_the_past_and_the_future_are_refused(age: dict[str, float]) -> None:
    booked, clock = Booked(), FakeClock()
    with pytest.raises(BookingTooOld, match="only the present is booked"):
        PresentJournal(booked, clock).book(an_order(), entry_aged(clock, **age), "claim")
    assert booked.entries == []


def test_a_writer_of_the_last_second_is_refused_before_its_month_can_be_closed() -> None:
    """It outlives its function first, then what may still be booked; only then may the month be closed."""
    grace = timedelta(seconds=settings_for("prod", {"auth": "iam"}).seal_grace_seconds)
    assert timedelta(seconds=FUNCTION_SECONDS["payment"]) < OLDEST < grace < 2 * grace
