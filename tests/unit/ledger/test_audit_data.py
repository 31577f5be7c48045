from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.ledger import RECEIVABLE, SALES, Balance, trial_balance
from orders.ledger.audit_data import (
    CHART_OF_ACCOUNTS,
    GL_DETAIL,
    TRIAL_BALANCE,
    AccountMovement,
    chart_of_accounts_rows,
    gl_detail_rows,
    movements,
    trial_balance_rows,
)
from orders.ledger.audit_files import JOURNAL, write_reports, write_sums
from orders.ledger.canonical import entries_of, entry_from_canonical
from orders.ledger.exports import jsonl_export, write_whole
from tests.unit.ledger.books import ENTRIES, SOLD

if TYPE_CHECKING:
    from pathlib import Path

DECEMBER = ENTRIES[1:]
BEFORE = trial_balance([SOLD])


def rows_of(file: Path) -> list[dict[str, str]]:
    """A CSV file's rows by their names."""
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """December's files."""
    write_whole(tmp_path / JOURNAL, jsonl_export(DECEMBER))
    write_reports(tmp_path, BEFORE, "2026-12-31")
    return tmp_path


def test_entries_come_back_from_their_canonical_bytes() -> None:
    for entry in ENTRIES:
        assert entry_from_canonical(entry.canonical) == entry


@pytest.mark.parametrize("line", [b"{}", b"[]", b"no", SOLD.canonical.replace(b"1200", b"1201")])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        entry_from_canonical(line)


def test_an_account_moves_from_its_beginning_to_its_end() -> None:
    found = movements([Balance(RECEIVABLE, "GBP", 900, 100)], [Balance(RECEIVABLE, "GBP", 50, 300)])
    assert found == [AccountMovement(RECEIVABLE, "GBP", 800, 50, 300)]
    assert found[0].ending == 550
    assert movements([Balance(SALES, "GBP", 0, 5)], []) == [AccountMovement(SALES, "GBP", -5, 0, 0)]


def test_the_general_ledger_rolls_forward_to_the_trial_balance(folder: Path) -> None:
    """The roll-forward of the standard's own profile: beginning + activity = end, for every account."""
    activity: dict[tuple[str, str], Decimal] = {}
    for row in rows_of(folder / "gl_detail.csv"):
        key = row["GL_Account_Number"], row["Amount_Currency"]
        sign = {"D": 1, "C": -1}[row["Amount_Credit_Debit_Indicator"]]
        assert Decimal(row["Amount"]) > 0
        activity[key] = activity.get(key, Decimal(0)) + sign * Decimal(row["Amount"])
    balances = rows_of(folder / "trial_balance.csv")
    assert len(balances) == 9
    for row in balances:
        key = row["GL_Account_Number"], row["Amount_Currency"]
        assert Decimal(row["Amount_Beginning"]) + activity[key] == Decimal(row["Amount_Ending"])
        assert Decimal(row["Amount_Debit"]) - Decimal(row["Amount_Credit"]) == activity[key]
    begun = {r["GL_Account_Number"]: r["Amount_Beginning"] for r in balances if r["Amount_Currency"] == "GBP"}
    assert begun == {
        "Assets:Receivable:Stripe": "12.00",
        "Income:Sales": "-10.00",
        "Liabilities:SalesTax": "-2.00",
    }


def test_a_statement_begins_and_ends_as_the_trial_balance_says(folder: Path) -> None:
    balances = rows_of(folder / "trial_balance.csv")
    assert len(list((folder / "statements").iterdir())) == len(balances)
    for row in balances:
        name = f"{row['GL_Account_Number'].replace(':', '.')}.{row['Amount_Currency']}.csv"
        lines = rows_of(folder / "statements" / name)
        assert lines[0]["kind"] == "carried forward"
        assert lines[0]["balance"] == row["Amount_Beginning"]
        assert lines[-1]["balance"] == row["Amount_Ending"]


def test_a_row_of_the_general_ledger_leads_to_order_and_payment() -> None:
    rows = [dict(zip(GL_DETAIL, row, strict=True)) for row in gl_detail_rows(ENTRIES)]
    assert rows[9] == {
        "Journal_ID": f"ent_{'t' * 26}_2",
        "Journal_ID_Line_Number": 1,
        "JE_Header_Description": f"refund ord_{'t' * 26}",
        "JE_Line_Description": "re_t returned",
        "Source": "refund",
        "Effective_Date": "2026-12-31",
        "Fiscal_Year": "2026",
        "Period": "12",
        "GL_Account_Number": RECEIVABLE,
        "Amount": "12.00",
        "Amount_Credit_Debit_Indicator": "C",
        "Amount_Currency": "GBP",
        "Entered_By": "workflow",
        "Entered_Date": "2026-12-31",
        "Entered_Time": "23:59:59.999",
        "Reversal_Indicator": "1",
        "Reversal_Journal_ID": SOLD.entry_id,
    }
    assert (rows[0]["JE_Line_Description"], rows[0]["Reversal_Journal_ID"]) == ("pi_t", "")


def test_every_table_has_as_many_columns_as_names() -> None:
    for row in trial_balance_rows(movements(BEFORE, []), "2026-12-31"):
        assert len(row) == len(TRIAL_BALANCE)
    named = [RECEIVABLE, SALES, "Expenses:PaymentFees"]
    accounts = {row[0]: row for row in chart_of_accounts_rows(named)}
    assert accounts[RECEIVABLE] == (RECEIVABLE, "Receivable Stripe", "Assets", "Receivable")
    assert accounts[SALES][2] == "Revenue"
    assert all(len(row) == len(CHART_OF_ACCOUNTS) for row in accounts.values())


def test_the_journal_is_all_that_the_other_files_are_made_of(folder: Path) -> None:
    assert list(entries_of(folder / JOURNAL)) == list(DECEMBER)
    write_sums(folder)
    sums = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    names = [line.split("  ")[1] for line in sums]
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {*names, "SHA256SUMS"} == files
    assert all(len(line.split("  ")[0]) == 64 for line in sums)
