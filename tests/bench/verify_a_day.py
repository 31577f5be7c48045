"""What it costs to verify one more day on ledgers of growing size: python -m tests.bench.verify_a_day.

Ledger and log are in memory, so that the figures are those of the work and not of a network: how many entries
and files are read, and how long hashing, signatures and matching take. tests/unit/ledger/test_verification.py
holds the counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from lambdas.domain.timestamps import from_text, to_text
from orders.ledger.verification import verify_ledger
from tests.fakes.clock import FakeClock
from tests.fakes.sealed_log import Log, MemoryLedger, booked
from tests.unit.ledger.sealed import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.sealing import Unreadable

FIRST = "2026-10-05T00:00:00.000Z"
DAYS = 30


@dataclass
class SortedLedger(MemoryLedger):
    """One that finds a time as the table's index does, without a look at the rest."""

    times: list[str] = field(default_factory=list)

    def add(self, *entries: JournalEntry) -> None:
        """Book, in the order of time."""
        super().add(*entries)
        self.times += [entry.booked_at for entry in entries]

    def booked_between(self, since: str, until: str) -> Iterator[JournalEntry | Unreadable]:
        """As the sealer reads it."""
        for place in range(bisect_left(self.times, since), bisect_left(self.times, until)):
            self.reads += 1
            yield self.booked[place]


def spread(count: int, first: int, start: str, days: int) -> list[JournalEntry]:
    """Entries, evenly over some days."""
    begin, step = from_text(start), timedelta(days=days) / count
    return [booked(first + n, to_text(begin + n * step)) for n in range(count)]


def measure(before: int, day: int) -> str:
    """Seal a ledger of `before` entries and a day more; return what verifying that day took."""
    log = Log(FakeClock(), ledger=SortedLedger())
    last = from_text(FIRST) + timedelta(days=DAYS)
    began = time.perf_counter()
    log.ledger.add(*spread(before, 0, FIRST, DAYS))
    log.seal_at(to_text(last + timedelta(hours=1)))
    sealed = time.perf_counter() - began
    log.ledger.add(*spread(day, before, to_text(last + timedelta(hours=1)), 1))
    end = last + timedelta(days=2)
    log.seal_at(to_text(end))
    log.ledger.reads = log.store.reads = 0
    began = time.perf_counter()
    found = verify_ledger(reading(log), before, end)
    took = time.perf_counter() - began
    assert (found.first, found.size, found.broken) == (before, before + day, [])
    return f"{before:>10,}  {log.ledger.reads:>12,}  {log.store.reads:>10,}  {took:>9.2f} s  {sealed:>9.1f} s"


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--day", type=int, default=5_000)
    given = parser.parse_args()
    sys.stdout.write(f"a day of {given.day:,} entries, on ledgers of:\n")
    sys.stdout.write(f"{'entries':>10}  {'entries read':>12}  files read   verified       sealed\n")
    for size in given.sizes:
        sys.stdout.write(f"{measure(size, given.day)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
