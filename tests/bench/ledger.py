"""What a report over a large month costs: `python -m tests.bench.ledger [--entries N]`.

The entries are made up by a table that keeps none (tests/fakes/generated_ledger.py), so that the figures are
of our own code: reading pages, decoding, checking each hash, adding up. The time in which they are made up is
left out, and DynamoDB's comes on top: one answer for each page. Each report runs in a process of its own,
whose peak of memory is told.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.domain.ledger import PERIOD_SHARDS, RECEIVABLE
from orders.ledger.exports import csv_export
from orders.ledger.journals import beancount_journal
from orders.ledger.parquet import write_parquet
from orders.ledger.reading import Ledger
from orders.ledger.register import register
from orders.ledger.selection import Selection, span_of
from orders.ledger.totals import Totals
from tests.fakes.generated_ledger import GeneratedLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MONTH: Final = "2026-12"
_DAYS: Final = 31
_SELECTION: Final = Selection(span_of(MONTH), account=RECEIVABLE)


def _balance(ledger: Ledger) -> int:
    totals = Totals()
    for entry in ledger.entries(_SELECTION):
        totals.add(entry, _SELECTION.takes_posting)
    return totals.entries


def _register(ledger: Ledger) -> int:
    return _drained(register(ledger, _SELECTION, {}))


def _csv(ledger: Ledger) -> int:
    return _drained(csv_export(ledger.entries(_SELECTION)))


def _beancount(ledger: Ledger) -> int:
    return _drained(beancount_journal(ledger.entries(_SELECTION)))


def _parquet(ledger: Ledger) -> int:
    totals = Totals()
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(totals.counting(ledger.entries(_SELECTION)), Path(folder) / "ledger.parquet")
    return totals.entries


def _drained(stream: Iterator[object]) -> int:
    count = deque(enumerate(stream, 1), maxlen=1)
    return count[0][0] if count else 0


REPORTS: Final[dict[str, Callable[[Ledger], int]]] = {
    "balance": _balance,
    "register": _register,
    "csv": _csv,
    "beancount": _beancount,
    "parquet": _parquet,
}


def run(report: str, entries: int) -> dict[str, object]:
    """Run one report in this process."""
    table = GeneratedLedger(max(1, entries // (_DAYS * PERIOD_SHARDS)))
    ledger = Ledger(DynamoEntryReader(table, "ledger"), "2026-01-01T00:00:00.000Z")
    began = time.perf_counter()
    REPORTS[report](ledger)
    return {
        "report": report,
        "entries": table.items,
        "pages": table.reads.total(),
        "seconds": round(time.perf_counter() - began - table.seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
    }


def main() -> None:
    """Run all reports over a tenth of the entries and over all of them, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ledger", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="in the month (default: %(default)s)")
    parser.add_argument("--report", choices=REPORTS, action="append", help="default: all")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(run(arguments.report[0], arguments.entries)))  # noqa: T201 - for the parent
        return
    print(f"{'REPORT':<10} {'ENTRIES':>10} {'PAGES':>7} {'SECONDS':>8} {'PEAK MB':>8}")  # noqa: T201
    for report in arguments.report or REPORTS:
        for entries in (arguments.entries // 10, arguments.entries):
            command = [sys.executable, "-m", "tests.bench.ledger", "--alone", "--report", report]
            done = subprocess.run(
                [*command, "--entries", str(entries)], capture_output=True, text=True, check=True
            )
            found = json.loads(done.stdout)
            print(  # noqa: T201
                f"{report:<10} {found['entries']:>10,} {found['pages']:>7,} {found['seconds']:>8} "
                f"{found['peak_mb']:>8}"
            )


if __name__ == "__main__":
    main()
