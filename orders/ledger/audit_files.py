"""The files of an audit pack that are made of its journal."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from lambdas.domain.money import decimal_text
from orders.ledger.audit_data import (
    CHART_OF_ACCOUNTS,
    GL_DETAIL,
    TRIAL_BALANCE,
    chart_of_accounts_rows,
    gl_detail_rows,
    movements,
    trial_balance_rows,
)
from orders.ledger.canonical import entries_of
from orders.ledger.exports import csv_line, csv_lines, write_whole
from orders.ledger.journals import beancount_journal, hledger_journal
from orders.ledger.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TextIO

    from lambdas.domain.ledger import Balance
    from orders.ledger.audit_data import AccountMovement

JOURNAL: Final = "journal.jsonl"
SUMS: Final = "SHA256SUMS"
STATEMENT: Final = (
    "booked_at",
    "entry_id",
    "kind",
    "psp_reference",
    "reverses",
    "currency",
    "amount",
    "balance",
)


def write_reports(folder: Path, before: Iterable[Balance], last_day: str) -> list[AccountMovement]:
    """Write all that is made of the journal, and return what moved on each account."""
    journal = folder / JOURNAL
    totals = Totals()
    for entry in entries_of(journal):
        totals.add(entry)
    found = movements(before, totals.balances)
    write_whole(folder / "gl_detail.csv", csv_lines(GL_DETAIL, gl_detail_rows(entries_of(journal))))
    write_whole(folder / "trial_balance.csv", csv_lines(TRIAL_BALANCE, trial_balance_rows(found, last_day)))
    accounts = sorted({m.account for m in found})
    write_whole(
        folder / "chart_of_accounts.csv", csv_lines(CHART_OF_ACCOUNTS, chart_of_accounts_rows(accounts))
    )
    write_whole(folder / "journal.beancount", beancount_journal(entries_of(journal)))
    write_whole(folder / "journal.journal", hledger_journal(entries_of(journal)))
    _write_statements(folder / "statements", journal, found)
    return found


def _write_statements(folder: Path, journal: Path, found: list[AccountMovement]) -> None:
    """Write a statement for each account and currency, all of them while the journal is read once."""
    folder.mkdir()
    running = {(m.account, m.currency): m.beginning for m in found}
    with ExitStack() as stack:
        files: dict[tuple[str, str], TextIO] = {}
        for (account, currency), amount in running.items():
            name = f"{account.replace(':', '.')}.{currency}.csv"
            file = stack.enter_context((folder / name).open("w", encoding="utf-8", newline=""))
            file.write(csv_line(STATEMENT))
            carried = decimal_text(amount, currency)
            file.write(csv_line(("", "", "carried forward", "", "", currency, "", carried)))
            files[account, currency] = file
        for entry in entries_of(journal):
            for p in entry.postings:
                key = p.account, p.currency
                running[key] += p.amount
                amounts = (decimal_text(v, p.currency) for v in (p.amount, running[key]))
                facts = (entry.booked_at, entry.entry_id, entry.kind, entry.psp_reference)
                files[key].write(csv_line((*facts, entry.reverses or "", p.currency, *amounts)))


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of every file, as `sha256sum --check` reads it."""
    lines = [
        f"{_digest(file)}  {file.relative_to(folder).as_posix()}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    write_whole(folder / SUMS, lines)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
