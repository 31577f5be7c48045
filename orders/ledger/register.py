"""An account's statement: its postings in the order of booking, with a running balance per currency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders.ledger.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.ledger import JournalEntry, Posting
    from orders.ledger.reading import Ledger
    from orders.ledger.selection import Selection


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One posting, and what the account comes to with it, in minor units; a debit is positive."""

    entry: JournalEntry
    posting: Posting
    balance: int


def carried_forward(ledger: Ledger, selection: Selection) -> dict[str, int]:
    """Return what the selection begins with, by currency; reads all that was booked before it."""
    if selection.span.since <= ledger.beginning:
        return {}
    return balances_by_currency(ledger, selection.before(ledger.beginning))


def balances_by_currency(ledger: Ledger, selection: Selection) -> dict[str, int]:
    """Return what the selection's postings come to, by currency."""
    totals = Totals()
    for entry in ledger.entries(selection):
        totals.add(entry, selection.takes_posting)
    return {currency: debit - credit for currency, (debit, credit) in totals.by_currency.items()}


def register(ledger: Ledger, selection: Selection, opening: dict[str, int]) -> Iterator[RegisterLine]:
    """Yield the lines of a statement that begins with these balances."""
    running = dict(opening)
    for entry in ledger.entries(selection):
        for posting in entry.postings:
            if selection.takes_posting(posting):
                balance = running.get(posting.currency, 0) + posting.amount
                running[posting.currency] = balance
                yield RegisterLine(entry, posting, balance)
