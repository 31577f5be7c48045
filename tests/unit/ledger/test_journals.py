"""Beancount's own programs judge what we write for them; hledger's do in tests/engines."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from orders.ledger.journals import beancount_journal, hledger_entry, hledger_journal
from tests.unit.ledger.books import DATES, ENTRIES, SOLD, TEA

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


def bean_check(file: Path) -> tuple[int, str]:
    """Judge a journal."""
    done = subprocess.run([BEAN_CHECK, "--no-cache", file], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The ledger as Beancount's journal."""
    file = tmp_path / "ledger.beancount"
    file.write_text("".join(beancount_journal(ENTRIES)), "utf-8")
    return file


def test_bean_check_accepts_the_journal_and_its_balances(journal: Path) -> None:
    assert bean_check(journal) == (0, "")
    text = journal.read_text("utf-8")
    assert text.count("balance Income:Sales") == 3
    assert "2027-01-01 balance Income:Sales                        -1.000 ~ 0.000 KWD\n" in text


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        # A balance that is off by the smallest unit, the one that an entry's amount is, and a lost posting.
        ("balance Income:Sales                        -1.000 ~", "balance Income:Sales   -1.001 ~"),
        ("           -1.000 KWD", "           -1.001 KWD"),
        ("  Liabilities:SalesTax                      -0.001 KWD\n", ""),
    ],
)
def test_bean_check_refuses_a_journal_that_is_off_by_the_smallest_unit(
    journal: Path, ours: str, theirs: str
) -> None:
    text = journal.read_text("utf-8")
    assert ours in text
    journal.write_text(text.replace(ours, theirs, 1), "utf-8")
    code, said = bean_check(journal)
    assert code != 0, said


def test_an_hledger_entry_has_every_fact_and_exact_amounts() -> None:
    assert hledger_entry(ENTRIES[3]) == (
        f"2026-12-31 (ent_{'t' * 26}_2) refund {TEA}\n"
        '    ; booked_at:2026-12-31T23:59:59.999Z, payment:re_t, event:ref_"a".succeeded, actor:workflow,'
        f" reason:returned, reverses:{SOLD.entry_id}\n"
        "    Assets:Receivable:Stripe                  -12.00 GBP\n"
        "    Income:Sales                               10.00 GBP\n"
        "    Liabilities:SalesTax                        2.00 GBP\n\n"
    )


def test_an_hledger_journal_declares_what_it_uses_and_ends_with_the_balances() -> None:
    lines = "".join(hledger_journal(ENTRIES)).splitlines()
    assert [n for n in lines if n.startswith("commodity")] == [
        "commodity 1000.00 GBP",
        "commodity 1000. JPY",
        "commodity 1000.000 KWD",
    ]
    assert sum(n.startswith("account ") for n in lines) == 3
    (dates,) = (n for n in lines if str(DATES) in n and n.startswith("2026"))
    assert dates.startswith("2026-12-02 ")
    asserted = {
        (account, currency): Decimal(amount)
        for n in lines
        if " = " in n
        for account, _, _, _, amount, currency in [n.split()]
    }
    assert asserted["Assets:Receivable:Stripe", "GBP"] == 0
    assert asserted["Income:Sales", "KWD"] == Decimal("-1.000")
    assert len(asserted) == 9


def test_a_journal_of_nothing_is_a_journal(tmp_path: Path) -> None:
    file = tmp_path / "empty.beancount"
    file.write_text("".join(beancount_journal([])), "utf-8")
    assert bean_check(file) == (0, "")
    assert list(hledger_journal([])) == []
