from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.domain.sealing import EntryKey, Unreadable
from orders.ledger.reading import EntryUnreadable, Ledger
from orders.ledger.selection import Span, is_within, span_of
from tests.fakes.sealed_log import MemoryLedger
from tests.unit.ledger.books import ALL, BEGINNING, DECEMBER, ENTRIES, NOVEMBER, TEA, a_ledger


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2028-02-29", "2028-02-29", "2028-03-01"),
        ("2026-12-31", "2026-12-31", "2027-01-01"),
    ],
)
def test_a_period_is_a_year_a_month_or_a_day(period: str, since: str, until: str) -> None:
    assert span_of(period) == Span(f"{since}T00:00:00.000Z", f"{until}T00:00:00.000Z")


@pytest.mark.parametrize("period", ["", "26", "2026-13", "2026-02-30", "2026-1", "2026-12-01T00", "x2026"])
def test_what_is_no_period_is_refused(period: str) -> None:
    with pytest.raises(ValueError, match=r"period|month|day"):
        span_of(period)


def test_the_last_day_of_a_span_is_the_one_before_its_end() -> None:
    assert span_of("2026-02").last_day == "2026-02-28"


def test_an_account_takes_those_below_it_and_none_that_begins_alike() -> None:
    assert is_within("Assets:Receivable:Stripe", "Assets")
    assert is_within("Assets", "Assets")
    assert not is_within("AssetsOfOthers", "Assets")
    assert not is_within("Assets", "Assets:Receivable")


def test_a_span_takes_its_first_moment_and_not_its_end() -> None:
    ledger = a_ledger()
    assert [e.entry_no for e in ledger.entries(NOVEMBER)] == [1]
    assert [e.order_id for e in ledger.entries(DECEMBER)] == [e.order_id for e in ENTRIES[1:]]


def test_filters_are_all_to_hold() -> None:
    ledger = a_ledger()
    assert [e.entry_no for e in ledger.entries(replace(ALL, order_id=TEA))] == [1, 2]
    assert [e.entry_no for e in ledger.entries(replace(DECEMBER, order_id=TEA))] == [2]
    assert [e.psp_reference for e in ledger.entries(replace(ALL, currency="JPY"))] == ["pi_r"]
    assert not list(ledger.entries(replace(ALL, currency="JPY", order_id=TEA)))
    assert not list(ledger.entries(replace(ALL, account="Expenses")))
    assert len(list(ledger.entries(replace(ALL, account="Liabilities")))) == 4


def test_nothing_is_summed_over_an_entry_that_cannot_be_read() -> None:
    ledger = Ledger(MemoryLedger([*ENTRIES, Unreadable(EntryKey(TEA, 3), "KeyError")]), BEGINNING)
    with pytest.raises(EntryUnreadable, match=r"ent_t+_3 cannot be read \(KeyError\)"):
        list(ledger.entries(ALL))
    assert len(list(ledger.read(ALL))) == 5
