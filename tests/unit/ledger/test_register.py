from __future__ import annotations

from dataclasses import replace

from lambdas.domain.ledger import RECEIVABLE, SALES, SALES_TAX, Balance, trial_balance
from orders.ledger.register import carried_forward, register
from orders.ledger.totals import Totals
from tests.unit.ledger.books import ALL, DECEMBER, ENTRIES, NOVEMBER, a_ledger


def totals_of(takes_december: bool = False) -> Totals:
    """Everything, or December, counted."""
    totals = Totals()
    for entry in a_ledger().entries(DECEMBER if takes_december else ALL):
        totals.add(entry)
    return totals


def test_totals_are_the_trial_balance_of_the_domain() -> None:
    totals = totals_of()
    assert totals.balances == trial_balance(ENTRIES)
    assert Balance(RECEIVABLE, "GBP", 1_200, 1_200) in totals.balances
    assert totals.by_currency == {"GBP": (2_400, 2_400), "JPY": (1_100, 1_100), "KWD": (1_001, 1_001)}
    assert (totals.entries, totals.first, totals.last) == (4, ENTRIES[0].booked_at, ENTRIES[3].booked_at)
    assert (totals.net(SALES_TAX, "KWD"), totals.net(SALES_TAX, "EUR")) == (-1, 0)


def test_totals_may_be_of_some_postings_alone() -> None:
    totals, selection = Totals(), replace(ALL, account="Income", currency="GBP")
    for entry in a_ledger().entries(selection):
        totals.add(entry, selection.takes_posting)
    assert totals.balances == [Balance(SALES, "GBP", 1_000, 1_000)]
    assert totals.entries == 2


def test_a_statement_runs_from_what_was_carried_forward() -> None:
    ledger, december = a_ledger(), replace(DECEMBER, account=RECEIVABLE)
    opening = carried_forward(ledger, december)
    assert opening == {"GBP": 1_200}
    lines = list(register(ledger, december, opening))
    assert [(n.posting.currency, n.posting.amount, n.balance) for n in lines] == [
        ("JPY", 1_100, 1_100),
        ("KWD", 1_001, 1_001),
        ("GBP", -1_200, 0),
    ]


def test_nothing_is_carried_into_the_beginning() -> None:
    assert carried_forward(a_ledger(), NOVEMBER) == {}


def test_a_statement_of_several_accounts_runs_over_all_of_them() -> None:
    selection = replace(ALL, currency="GBP")
    balances = [line.balance for line in register(a_ledger(), selection, {})]
    # Every entry adds up to zero.
    assert balances == [1_200, 200, 0, -1_200, -200, 0]
