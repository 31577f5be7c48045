from __future__ import annotations

import hashlib
import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import (
    PERIOD_SHARDS,
    RECEIVABLE,
    SALES,
    SALES_TAX,
    Balance,
    JournalEntry,
    Posting,
    UnbalancedEntry,
    capture_entry,
    is_balanced,
    period_key,
    refund_entry,
    trial_balance,
)
from lambdas.domain.refund import RefundStatus
from tests.fakes.orders_made import an_order
from tests.fakes.refunds_made import a_refund

if TYPE_CHECKING:
    from lambdas.domain.order import Order

AT = "2026-03-14T09:26:53.589Z"


def an_entry(*postings: Posting, order_id: str = "ord_a", **changes: Any) -> JournalEntry:
    """An entry of a pound, unless it says otherwise."""
    made = JournalEntry(
        order_id=OrderId(order_id),
        entry_no=1,
        kind="capture",
        booked_at=AT,
        postings=postings or (Posting(RECEIVABLE, "GBP", 100), Posting(SALES, "GBP", -100)),
        psp_reference="pi_1",
        event_id="ord_a.capture",
        actor="workflow",
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    "postings",
    [
        (Posting(RECEIVABLE, "GBP", 100), Posting(SALES, "GBP", -99)),
        (Posting(RECEIVABLE, "GBP", 100), Posting(SALES, "EUR", -100)),
        (Posting(RECEIVABLE, "GBP", 100), Posting(SALES, "GBP", -100), Posting(SALES_TAX, "GBP", 0)),
        (Posting(RECEIVABLE, "GBP", 100),),
    ],
)
def test_an_entry_that_does_not_balance_in_every_currency_cannot_be_made(
    postings: tuple[Posting, ...],
) -> None:
    with pytest.raises(UnbalancedEntry):
        an_entry(*postings)


def test_an_entry_without_postings_cannot_be_made() -> None:
    with pytest.raises(UnbalancedEntry, match="empty"):
        replace(an_entry(), postings=())


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": OrderId("ord_b")},
        {"entry_no": 2},
        {"kind": "refund"},
        {"booked_at": "2026-03-14T09:26:53.590Z"},
        {"postings": (Posting(RECEIVABLE, "GBP", 101), Posting(SALES, "GBP", -101))},
        {"psp_reference": "pi_2"},
        {"event_id": "ord_a.other"},
        {"actor": "operator"},
        {"reason_code": "mistake"},
        {"reverses": "ent_a_1"},
        {"schema": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_covers_every_field(change: dict[str, Any]) -> None:
    entry = an_entry()
    assert replace(entry, **change).hash != entry.hash


def test_no_field_is_forgotten_by_the_test_of_the_hash() -> None:
    assert [f.name for f in fields(JournalEntry)] == [
        "order_id",
        "entry_no",
        "kind",
        "booked_at",
        "postings",
        "psp_reference",
        "event_id",
        "actor",
        "reason_code",
        "reverses",
        "schema",
    ]


def test_the_hash_is_of_a_canonical_form_that_never_changes() -> None:
    # Written out by hand: a change of the form would make every sealed entry look forged.
    canonical = (
        '{"actor":"workflow","booked_at":"2026-03-14T09:26:53.589Z","entry_no":1,"event_id":"ord_a.capture",'
        '"kind":"capture","order_id":"ord_a","postings":[["Assets:Receivable:Stripe","GBP",100],'
        '["Income:Sales","GBP",-100]],"psp_reference":"pi_1","reason_code":null,"reverses":null,"schema":1}'
    )
    assert an_entry().canonical == canonical.encode()
    assert an_entry().hash == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_period_is_the_day_and_a_shard_of_the_order() -> None:
    periods = {an_entry(order_id=f"ord_{n}").period for n in range(200)}
    assert all(re.fullmatch(r"2026-03-14#(0\d|1[0-5])", p) for p in periods)
    assert len(periods) == PERIOD_SHARDS
    assert period_key("2026-01-02", 3) == "2026-01-02#03"


def test_an_order_keeps_to_one_shard() -> None:
    assert an_entry(entry_no=2).period == an_entry().period


@pytest.mark.parametrize(
    ("total", "tax", "amounts"),
    [
        (1200, 200, {RECEIVABLE: 1200, SALES: -1000, SALES_TAX: -200}),
        (1000, 0, {RECEIVABLE: 1000, SALES: -1000}),
        (1, 1, {RECEIVABLE: 1, SALES_TAX: -1}),
    ],
)
def test_a_capture_books_receivable_sales_and_tax_and_nothing_of_zero(
    total: int, tax: int, amounts: dict[str, int]
) -> None:
    order: Order = an_order(total=total, tax=tax)
    entry = capture_entry(order, AT, "pi_9")
    assert {p.account: p.amount for p in entry.postings} == amounts
    assert {p.currency for p in entry.postings} == {"GBP"}
    assert (entry.entry_no, entry.kind, entry.psp_reference) == (1, "capture", "pi_9")
    assert entry.entry_id == f"ent_{order.order_id.removeprefix('ord_')}_1"


@pytest.mark.parametrize(
    ("amount", "tax", "amounts"),
    [
        (600, 100, {RECEIVABLE: -600, SALES: 500, SALES_TAX: 100}),
        (600, 0, {RECEIVABLE: -600, SALES: 600}),
        (1, 1, {RECEIVABLE: -1, SALES_TAX: 1}),
    ],
)
def test_a_refund_reverses_its_part_of_the_sale_and_nothing_of_zero(
    amount: int, tax: int, amounts: dict[str, int]
) -> None:
    order: Order = an_order(entries=3)
    made = a_refund(amount=amount, status=RefundStatus.SUCCEEDED, reason_code="damaged")
    entry = refund_entry(order, made, tax, AT, "re_9")
    assert {p.account: p.amount for p in entry.postings} == amounts
    assert (entry.kind, entry.entry_no, entry.psp_reference) == ("refund", 4, "re_9")
    assert entry.event_id == f"{made.refund_id}.succeeded"
    assert (entry.reverses, entry.reason_code) == (capture_entry(order, AT, "pi").entry_id, "damaged")
    assert (entry.order_id, entry.booked_at, entry.actor) == (order.order_id, AT, "workflow")


def test_a_trial_balance_adds_up_every_account_per_currency() -> None:
    refund = an_entry(Posting(SALES, "GBP", 40), Posting(RECEIVABLE, "GBP", -40), entry_no=2)
    euros = an_entry(Posting(RECEIVABLE, "EUR", 7), Posting(SALES, "EUR", -7), order_id="ord_e")
    balances = trial_balance([an_entry(), refund, euros])
    assert balances == [
        Balance(RECEIVABLE, "EUR", 7, 0),
        Balance(RECEIVABLE, "GBP", 100, 40),
        Balance(SALES, "EUR", 0, 7),
        Balance(SALES, "GBP", 40, 100),
    ]
    assert is_balanced(balances)


def test_a_trial_balance_that_is_off_by_one_currency_is_seen() -> None:
    assert not is_balanced([Balance(RECEIVABLE, "GBP", 5, 0), Balance(SALES, "EUR", 0, 5)])
    assert is_balanced([])
