"""hledger judges the journal that we write for it, and adds it up to what we add it up to."""

from __future__ import annotations

import csv
import io
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.ledger import trial_balance
from lambdas.domain.money import decimal_text
from orders.ledger.journals import hledger_entry, hledger_journal
from tests.unit.ledger.books import ENTRIES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The ledger as hledger's journal."""
    file = tmp_path / "ledger.journal"
    file.write_text("".join(hledger_journal(ENTRIES)), "utf-8")
    return file


def hledger(journal: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it on a journal."""
    command = ["hledger", "--file", str(journal), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def balances(journal: Path) -> dict[tuple[str, str], Decimal]:
    """What every account comes to, by hledger."""
    done = hledger(journal, "balance", "--no-total", "--output-format=csv", "--layout=bare", "--empty")
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader(io.StringIO(done.stdout))
    return {(r["account"], r["commodity"]): Decimal(r["balance"]) for r in rows if r["commodity"]}


def test_hledger_accepts_the_journal_and_its_balances(journal: Path) -> None:
    done = hledger(journal, "check", "--strict", "ordereddates")
    assert (done.returncode, done.stderr) == (0, "")


def test_hledger_adds_it_up_as_we_do(journal: Path) -> None:
    ours = {
        (b.account, b.currency): Decimal(decimal_text(b.debit - b.credit, b.currency))
        for b in trial_balance(ENTRIES)
    }
    theirs = balances(journal)
    assert {key: theirs.get(key, Decimal(0)) for key in ours} == ours
    assert theirs.keys() <= ours.keys()


def test_hledger_reads_what_is_printed(tmp_path: Path, journal: Path) -> None:
    printed = tmp_path / "printed.journal"
    printed.write_text("".join(map(hledger_entry, ENTRIES)), "utf-8")
    assert balances(printed) == balances(journal)
    tagged = hledger(printed, "register", "tag:reverses", "--output-format=csv")
    assert tagged.stdout.count(ENTRIES[3].kind) == 3


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("= -1.000 KWD", "= -1.001 KWD"),
        ("      -1.000 KWD", "      -1.001 KWD"),
        ("account Income:Sales\n", ""),
        ("commodity 1000. JPY\n", ""),
    ],
)
def test_hledger_refuses_a_journal_that_is_off(journal: Path, ours: str, theirs: str) -> None:
    text = journal.read_text("utf-8")
    assert ours in text
    journal.write_text(text.replace(ours, theirs, 1), "utf-8")
    assert hledger(journal, "check", "--strict").returncode != 0
