"""The ledger in the formats that other programs read; each is written while it is read."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from lambdas.domain.money import decimal_text
from orders.ledger.journals import beancount_journal, hledger_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lambdas.domain.ledger import JournalEntry

# One line for each posting: what is of the entry comes first. Parquet has the same columns.
COLUMNS: Final = (
    "entry_id",
    "order_id",
    "entry_no",
    "kind",
    "booked_at",
    "psp_reference",
    "event_id",
    "actor",
    "reason_code",
    "reverses",
    "posting_no",
    "account",
    "currency",
    "amount",
    "amount_minor",
)


def posting_rows(entry: JournalEntry) -> Iterator[tuple[str | int, ...]]:
    """Yield an entry's postings under `COLUMNS`; a debit is positive, what is absent is empty."""
    for number, posting in enumerate(entry.postings, 1):
        yield (
            entry.entry_id,
            entry.order_id,
            entry.entry_no,
            entry.kind,
            entry.booked_at,
            entry.psp_reference,
            entry.event_id,
            entry.actor,
            entry.reason_code or "",
            entry.reverses or "",
            number,
            posting.account,
            posting.currency,
            decimal_text(posting.amount, posting.currency),
            posting.amount,
        )


def csv_line(row: Iterable[str | int]) -> str:
    """Return a line of a CSV file by RFC 4180."""
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()


def csv_lines(columns: Iterable[str], rows: Iterable[Iterable[str | int]]) -> Iterator[str]:
    """Yield a CSV file, its header first."""
    yield csv_line(columns)
    yield from map(csv_line, rows)


def csv_export(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """Yield a line for each posting."""
    return csv_lines(COLUMNS, (row for entry in entries for row in posting_rows(entry)))


def jsonl_export(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """Yield the canonical bytes of each entry, of which the sealed log's leaves are made, as a line."""
    for entry in entries:
        yield entry.canonical.decode("ascii") + "\n"


def write_whole(file: Path, lines: Iterable[str]) -> None:
    """Write a file that has all lines, or is not there: what is half read must not look like a ledger."""
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as target:
            target.writelines(lines)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


TEXT_FORMATS: Final[dict[str, Callable[[Iterable[JournalEntry]], Iterator[str]]]] = {
    "csv": csv_export,
    "jsonl": jsonl_export,
    "beancount": beancount_journal,
    "hledger": hledger_journal,
}
