"""The journal as plain-text accounting has it: for hledger, and for Beancount.

Both end with the balance of every account, so that the reader's own program proves our totals, and with
the tolerance of zero where the program has one. Amounts are exact. Dates are those of UTC.
https://hledger.org/1.25/hledger.html#journal-format
https://beancount.github.io/docs/beancount_language_syntax.html
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.money import MINOR_DIGITS, decimal_text
from orders.ledger.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdas.domain.ledger import JournalEntry, Posting

_ACCOUNT_WIDTH: Final = 34
_AMOUNT_WIDTH: Final = 16


def hledger_entry(entry: JournalEntry) -> str:
    """Return one entry, as `hledger print` would show it, with an empty line after it."""
    tags = ", ".join(f"{name}:{value}" for name, value in _facts(entry))
    postings = "".join(f"    {_posting(p)}\n" for p in entry.postings)
    return f"{_day(entry)} ({entry.entry_id}) {entry.kind} {entry.order_id}\n    ; {tags}\n{postings}\n"


def hledger_journal(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """Yield a whole journal that passes `hledger check --strict`."""
    totals, declared = Totals(), set[str]()
    for entry in totals.counting(entries):
        for posting in entry.postings:
            if posting.currency not in declared:
                declared.add(posting.currency)
                yield f"commodity {_commodity_format(posting.currency)}\n"
            if posting.account not in declared:
                declared.add(posting.account)
                yield f"account {posting.account}\n"
        yield hledger_entry(entry)
    if totals.last:
        yield f"{totals.last[:10]} (balances) as the ledger has them\n"
        for balance in totals.balances:
            zero = _amount(0, balance.currency)
            stands = _amount(balance.debit - balance.credit, balance.currency)
            yield f"    {balance.account:<{_ACCOUNT_WIDTH}}  {zero:>{_AMOUNT_WIDTH}} = {stands}\n"


def beancount_journal(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """Yield a whole journal that passes `bean-check`."""
    totals, opened = Totals(), set[str]()
    yield 'option "title" "Order pipeline"\n\n'
    for entry in totals.counting(entries):
        for posting in entry.postings:
            if posting.account not in opened:
                opened.add(posting.account)
                yield f"{_day(entry)} open {posting.account}\n"
        yield _beancount_entry(entry)
    if totals.last:
        # Balances are those at the beginning of a day.
        day = date.fromisoformat(totals.last[:10]) + timedelta(days=1)
        for balance in totals.balances:
            net = decimal_text(balance.debit - balance.credit, balance.currency)
            zero = decimal_text(0, balance.currency)
            yield f"{day} balance {balance.account:<{_ACCOUNT_WIDTH}}  {net} ~ {zero} {balance.currency}\n"


def _beancount_entry(entry: JournalEntry) -> str:
    facts = "".join(f'  {name}: "{_escaped(value)}"\n' for name, value in _facts(entry))
    postings = "".join(f"  {_posting(p)}\n" for p in entry.postings)
    head = f'{_day(entry)} * "{_escaped(entry.kind)}" "{entry.order_id}"\n  entry: "{entry.entry_id}"\n'
    return f"{head}{facts}{postings}\n"


def _facts(entry: JournalEntry) -> Iterator[tuple[str, str]]:
    yield "booked_at", entry.booked_at
    yield "payment", entry.psp_reference
    yield "event", entry.event_id
    yield "actor", entry.actor
    if entry.reason_code:
        yield "reason", entry.reason_code
    if entry.reverses:
        yield "reverses", entry.reverses


def _posting(posting: Posting) -> str:
    amount = _amount(posting.amount, posting.currency)
    return f"{posting.account:<{_ACCOUNT_WIDTH}}  {amount:>{_AMOUNT_WIDTH}}"


def _amount(minor: int, currency: str) -> str:
    return f"{decimal_text(minor, currency)} {currency}"


def _commodity_format(currency: str) -> str:
    """A decimal mark has to be there, even where no digit comes after it."""
    return f"1000.{'0' * MINOR_DIGITS[currency]} {currency}"


def _day(entry: JournalEntry) -> str:
    return entry.booked_at[:10]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
