"""The ledger under the names of the AICPA's Audit Data Standards: general ledger, trial balance, accounts.

Audit Data Standards, General Ledger Standard (July 2015): tables GL_Detail, Trial_Balance and
Chart_Of_Accounts. Amounts of GL_Detail are positive, with an indicator; those of Trial_Balance are signed,
debits positive. Fields that a pipeline without people, units and approvals has nothing for are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lambdas.domain.money import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdas.domain.ledger import Balance, JournalEntry

GL_DETAIL: Final = (
    "Journal_ID",
    "Journal_ID_Line_Number",
    "JE_Header_Description",
    "JE_Line_Description",
    "Source",
    "Effective_Date",
    "Fiscal_Year",
    "Period",
    "GL_Account_Number",
    "Amount",
    "Amount_Credit_Debit_Indicator",
    "Amount_Currency",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Reversal_Indicator",
    "Reversal_Journal_ID",
)
TRIAL_BALANCE: Final = (
    "GL_Account_Number",
    "Fiscal_Year",
    "Period",
    "Balance_As_Of_Date",
    "Amount_Beginning",
    "Amount_Debit",  # ours, as is the next: what moved in between
    "Amount_Credit",
    "Amount_Ending",
    "Amount_Currency",
)
CHART_OF_ACCOUNTS: Final = ("GL_Account_Number", "GL_Account_Name", "Account_Type", "Account_Subtype")
_TYPES: Final = {"Income": "Revenue"}


@dataclass(frozen=True, slots=True)
class AccountMovement:
    """An account's month in one currency, in minor units; `beginning` is signed, a debit is positive."""

    account: str
    currency: str
    beginning: int
    debit: int
    credit: int

    @property
    def ending(self) -> int:
        """What it comes to in the end, signed."""
        return self.beginning + self.debit - self.credit


def movements(before: Iterable[Balance], within: Iterable[Balance]) -> list[AccountMovement]:
    """Put what an account began a month with beside what moved in it."""
    beginning = {(b.account, b.currency): b.debit - b.credit for b in before}
    moved = {(b.account, b.currency): (b.debit, b.credit) for b in within}
    return [
        AccountMovement(*key, beginning.get(key, 0), *moved.get(key, (0, 0)))
        for key in sorted({*beginning, *moved})
    ]


def gl_detail_rows(entries: Iterable[JournalEntry]) -> Iterator[tuple[str | int, ...]]:
    """Yield a row for each posting, under `GL_DETAIL`; the fiscal year is the calendar's, times are UTC."""
    for entry in entries:
        day, time = entry.booked_at.removesuffix("Z").split("T")
        for number, posting in enumerate(entry.postings, 1):
            yield (
                entry.entry_id,
                number,
                f"{entry.kind} {entry.order_id}",
                f"{entry.psp_reference} {entry.reason_code or ''}".rstrip(),
                entry.kind,
                day,
                day[:4],
                day[5:7],
                posting.account,
                decimal_text(abs(posting.amount), posting.currency),
                "D" if posting.amount > 0 else "C",
                posting.currency,
                entry.actor,
                day,
                time,
                "1" if entry.reverses else "",
                entry.reverses or "",
            )


def trial_balance_rows(found: Iterable[AccountMovement], last_day: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each account and currency, under `TRIAL_BALANCE`."""
    for m in found:
        amounts = (decimal_text(v, m.currency) for v in (m.beginning, m.debit, m.credit, m.ending))
        yield (m.account, last_day[:4], last_day[5:7], last_day, *amounts, m.currency)


def chart_of_accounts_rows(accounts: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each account, under `CHART_OF_ACCOUNTS`."""
    for account in accounts:
        kind, _, name = account.partition(":")
        yield (account, name.replace(":", " "), _TYPES.get(kind, kind), name.partition(":")[0])
