"""A report reads its own time, page by page, and holds no more than a page of each partition."""

from __future__ import annotations

from itertools import islice
from math import ceil

from lambdas.adapters.dynamodb.ledger_reading import PAGE, DynamoEntryReader
from lambdas.domain.ledger import PERIOD_SHARDS, RECEIVABLE, Balance
from orders.ledger.exports import csv_export
from orders.ledger.journals import beancount_journal
from orders.ledger.reading import Ledger
from orders.ledger.register import carried_forward, register
from orders.ledger.selection import Selection, span_of
from orders.ledger.totals import Totals
from tests.fakes.generated_ledger import AMOUNT, GeneratedLedger

PER_SHARD = PAGE + 3
A_DAY = PER_SHARD * PERIOD_SHARDS


def a_ledger(per_shard: int) -> tuple[GeneratedLedger, Ledger]:
    """A table and the ledger that is read from it."""
    table = GeneratedLedger(per_shard)
    return table, Ledger(DynamoEntryReader(table, "ledger"), "2026-01-01T00:00:00.000Z")


def test_a_balance_of_some_days_reads_the_pages_of_these_days_alone() -> None:
    table, ledger = a_ledger(PER_SHARD)
    totals = Totals()
    for entry in ledger.entries(Selection(span_of("2026-12-24"))):
        totals.add(entry)
    pages = PERIOD_SHARDS * ceil(PER_SHARD / PAGE)
    # The first moment of the next day is asked for too: a query's BETWEEN takes its end.
    assert table.reads == {"2026-12-24": pages, "2026-12-25": PERIOD_SHARDS}
    assert (totals.entries, table.items) == (A_DAY, A_DAY + 1)
    assert totals.balances[0] == Balance(RECEIVABLE, "GBP", A_DAY * AMOUNT, 0)


def test_a_month_of_few_entries_costs_one_read_for_each_partition() -> None:
    table, ledger = a_ledger(1)
    assert len(list(ledger.entries(Selection(span_of("2026-12"))))) == 31 * PERIOD_SHARDS
    assert table.reads == dict.fromkeys(
        [*(f"2026-12-{day:02d}" for day in range(1, 32)), "2027-01-01"], PERIOD_SHARDS
    )


def test_nothing_is_read_before_it_is_wanted() -> None:
    selection = Selection(span_of("2026-12"), account=RECEIVABLE)
    for stream in (
        lambda ledger: ledger.entries(selection),
        lambda ledger: register(ledger, selection, {}),
        lambda ledger: csv_export(ledger.entries(selection)),
        lambda ledger: beancount_journal(ledger.entries(selection)),
    ):
        table, ledger = a_ledger(PER_SHARD)
        some = list(islice(stream(ledger), PAGE))
        assert len(some) == PAGE
        # A page of each partition of the first day, and not one of the second.
        assert table.reads == {"2026-12-01": PERIOD_SHARDS}


def test_a_balance_that_is_carried_forward_ends_where_the_statement_begins() -> None:
    table, ledger = a_ledger(2)
    statement = Selection(span_of("2026-01-03"), account=RECEIVABLE)
    opening = carried_forward(ledger, statement)
    assert opening == {"GBP": 2 * 2 * PERIOD_SHARDS * AMOUNT}
    first = next(register(ledger, statement, opening))
    assert first.balance == opening["GBP"] + AMOUNT
    assert max(table.reads) == "2026-01-03"
