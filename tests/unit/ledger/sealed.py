"""A log in memory as those read it who prove and verify, and a month of entries in it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders.ledger.proofs import write_folder
from orders.ledger.sealed import SealedLedger
from tests.fakes.sealed_log import BEGINNING, GRACE, Log, a_log, booked_each_second

if TYPE_CHECKING:
    from pathlib import Path

MONTH = "2026-10"
# The fourth batch begins in October and ends in November.
TIMES = (
    ("2026-10-05T00:00:00.000Z", 300),
    ("2026-10-06T00:00:00.000Z", 5),
    ("2026-10-20T00:00:00.000Z", 400),
    ("2026-10-31T23:59:58.000Z", 4),
    ("2026-11-02T00:00:00.000Z", 30),
)


def reading(log: Log) -> SealedLedger:
    """The log, to be read."""
    return SealedLedger(log.signer.verifier_key, log.store, log.batches, log.ledger, GRACE, BEGINNING)


def a_sealed_month() -> Log:
    """Five batches: 300, 5, 400 and 4 entries of which two are November's, and 30 of November."""
    log, first = a_log(), 0
    for start, count in TIMES:
        entries = booked_each_second(count, start, first)
        log.ledger.add(*entries)
        first += count
        log.seal_at(f"{start[:11]}01:00:00.000Z" if "31T" not in start else "2026-11-01T00:15:30.000Z")
    return log


@dataclass(frozen=True)
class Verdict:
    """What the verifier said."""

    status: int
    said: str


def folder_of(log: Log, folder: Path) -> Path:
    """Write the month's proofs."""
    write_folder(reading(log), MONTH, folder)
    return folder


def run_verifier(folder: Path, *arguments: str) -> Verdict:
    """Run the folder's verifier as its reader would: isolated, with nothing but Python's own library."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "verify.py"), *(arguments or (str(folder),))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    return Verdict(done.returncode, done.stdout)
