"""Each check finds what it is for, names it, and says nothing of a ledger that is sound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import RECEIVABLE, SALES, JournalEntry, Posting, capture_entry, refund_entry
from lambdas.domain.order import PaymentStatus, RefundSums, Status
from lambdas.domain.sealing import EntryKey, Unreadable
from lambdas.domain.timestamps import from_text
from orders.ledger.checks import NAMES, Books, run_checks
from orders.ledger.completeness import Finding
from orders.ledger.reading import Ledger
from orders.ledger.selection import span_of
from tests.fakes.orders_made import an_order
from tests.fakes.refunds_made import a_refund
from tests.fakes.sealed_log import BEGINNING, a_log
from tests.unit.ledger.sealed import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambdas.domain.order import Order
    from tests.fakes.sealed_log import Log

ORDER = an_order(
    status=Status.COMPLETED,
    accepted_at="2026-10-05T09:00:00.000Z",
    updated_at="2026-10-06T09:00:00.000Z",
    payment_status=PaymentStatus.PARTIALLY_REFUNDED,
    entries=2,
    refunds=RefundSums(reserved=450, refunded=450, tax=75),
)
SOLD = capture_entry(ORDER, "2026-10-05T09:00:01.000Z", "pi_1")
BACK = refund_entry(replace(ORDER, entries=1), a_refund(), 75, "2026-10-06T09:00:00.000Z", "re_1")
SEALED_AT = "2026-10-07T00:00:00.000Z"
CLOSED_AT = "2026-11-02T00:00:00.000Z"


@dataclass
class Heads:
    """Orders in memory, in pages of one; `booking` happens between two looks at an order."""

    orders: dict[str, Order | None]
    looks: list[dict[str, Order | None]] = field(default_factory=list)

    def pages(self) -> Iterator[dict[str, Order | None]]:
        """One by one."""
        for order_id, order in self.orders.items():
            yield {order_id: order}

    def of(self, order_ids: Sequence[str]) -> dict[str, Order | None]:
        """By their ids."""
        if self.looks:
            self.orders |= self.looks.pop(0)
        return {i: self.orders[i] for i in order_ids if i in self.orders}


def a_sealed_ledger(*entries: JournalEntry) -> Log:
    """A log of these entries, or of the two that belong there."""
    log = a_log(entries or (SOLD, BACK))
    log.seal_at(SEALED_AT)
    return log


def found(log: Log, *orders: Order | None, heads: Heads | None = None, period: str = "2026") -> list[Finding]:
    """Run all checks over a log and its orders."""
    known = heads or Heads({order.order_id: order for order in orders if order})
    sealed = reading(log)
    books = Books(Ledger(log.ledger, BEGINNING), log.ledger, known, sealed, from_text(CLOSED_AT))
    return list(run_checks(books, span_of(period)))


def test_nothing_is_said_of_a_sound_ledger() -> None:
    assert found(a_sealed_ledger(), ORDER) == []
    free = an_order(order_id="ord_" + "f" * 26, total=0, tax=0, status=Status.COMPLETED)
    declined = an_order(order_id="ord_" + "d" * 26, payment_status=PaymentStatus.DECLINED)
    assert found(a_sealed_ledger(), ORDER, free, declined) == []
    assert found(a_log()) == []


def test_every_check_has_a_name() -> None:
    assert NAMES == ("intact", "balanced", "complete", "gap_free", "sealed", "no_entry_after_close")


@pytest.mark.parametrize(
    ("fault", "check"), [("UnbalancedEntry", "balanced"), ("KeyError", "intact"), ("its hash", "intact")]
)
def test_an_item_that_is_no_sound_entry_is_named(fault: str, check: str) -> None:
    log = a_sealed_ledger()
    log.ledger.booked.append(Unreadable(EntryKey(ORDER.order_id, 7), fault))
    said = found(log, ORDER)
    assert Finding(check, f"ent_{ORDER.order_id[4:]}_7", fault) in said
    assert {f.check for f in said} == {check, "sealed"}  # the seal cannot read it either


def test_an_entry_of_no_order_is_named() -> None:
    (only,) = found(a_sealed_ledger(SOLD))
    assert (only.check, only.subject) == ("complete", SOLD.entry_id)
    assert only.what == "is booked for an order that does not exist"


def test_entries_that_are_of_no_order_by_their_kind_are_not_looked_for() -> None:
    fee = replace(SOLD, order_id=OrderId("payout_1"), kind="fee")
    assert found(a_sealed_ledger(SOLD, BACK, fee), ORDER) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"total": 901}, "captured: 9.01 GBP by the order, 9.00 GBP by the ledger"),
        ({"tax": 149}, "taxed: 1.49 GBP by the order, 1.50 GBP by the ledger"),
        (
            {"refunds": RefundSums(refunded=451, tax=75)},
            "refunded: 4.51 GBP by the order, 4.50 GBP by the ledger",
        ),
        (
            {"refunds": RefundSums(refunded=450, tax=76)},
            "given tax back: 0.76 GBP by the order, 0.75 GBP by the ledger",
        ),
        (
            {"payment_status": PaymentStatus.VOIDED, "tax": 150},
            "captured: 0.00 GBP by the order, 9.00 GBP by the ledger",
        ),
    ],
)
def test_what_an_order_says_of_its_money_is_what_is_booked(change: dict[str, object], told: str) -> None:
    said = found(a_sealed_ledger(), replace(ORDER, **change))  # type: ignore[arg-type]
    assert said[0] == Finding("complete", ORDER.order_id, told)


def test_an_entry_in_another_currency_is_named() -> None:
    euros = replace(BACK, postings=(Posting(RECEIVABLE, "EUR", -450), Posting(SALES, "EUR", 450)))
    said = found(a_sealed_ledger(SOLD, euros), ORDER)
    assert said[0] == Finding("complete", BACK.entry_id, f"booked in EUR, and {ORDER.order_id} is in GBP")


def test_a_gap_and_an_entry_too_many_are_named() -> None:
    assert Finding("gap_free", ORDER.order_id, "of its 2 entries 1 is missing or unreadable") in found(
        a_sealed_ledger(BACK), ORDER
    )
    more = replace(BACK, entry_no=3)
    assert Finding("gap_free", ORDER.order_id, "has 2 entries, and 3 is there") in found(
        a_sealed_ledger(SOLD, BACK, more), ORDER
    )


def test_an_order_that_was_captured_and_never_booked_is_named() -> None:
    checks = [f.check for f in found(a_log(), replace(ORDER, refunds=RefundSums(), entries=1))]
    assert checks == ["gap_free", "complete", "complete"]


def test_a_head_that_cannot_be_read_is_named() -> None:
    said = found(a_sealed_ledger(), heads=Heads({ORDER.order_id: None}))
    assert said == [Finding("complete", ORDER.order_id, "the order's head cannot be read")]


def test_an_order_that_is_booked_while_it_is_looked_at_is_no_finding() -> None:
    before = replace(ORDER, entries=1, refunds=RefundSums(), payment_status=PaymentStatus.CAPTURED)
    now: dict[str, Order | None] = {ORDER.order_id: replace(ORDER, revision=before.revision + 1)}
    # Of the entries' check, of the second look and of its end: the refund is booked at the last.
    heads = Heads({ORDER.order_id: before}, looks=[{}, {}, now])
    assert found(a_sealed_ledger(), heads=heads) == []
    assert heads.orders == now


def test_orders_of_another_time_are_not_compared() -> None:
    wrong = replace(ORDER, total=901)
    assert found(a_sealed_ledger(), wrong, period="2026-10-04") == []
    assert found(a_sealed_ledger(), wrong, period="2026-10-07") == []
    assert len(found(a_sealed_ledger(), wrong, period="2026-10-06")) == 1


def test_what_was_changed_after_it_was_sealed_is_named() -> None:
    log = a_sealed_ledger()
    log.ledger.booked[0] = replace(SOLD, psp_reference="pi_2")
    (only,) = found(log, ORDER)
    assert (only.check, only.subject) == ("sealed", SOLD.entry_id)
    assert only.what == "changed in the ledger after it was sealed (leaf 0)"


def test_a_log_that_was_forged_is_a_finding() -> None:
    log = a_sealed_ledger()
    for path in log.store.files:
        if path.startswith("checkpoints/"):
            log.store.files[path] = log.store.files[path].replace(b"\n2\n", b"\n3\n")
    assert {f.check for f in found(log, ORDER)} == {"sealed"}


def test_an_entry_after_the_close_is_named() -> None:
    log = a_sealed_ledger()
    log.seal_at("2026-11-01T01:00:00.000Z")
    log.close("2026-10", "auditor")
    assert found(log, ORDER) == []
    late = replace(SOLD, order_id=OrderId("late_1"), booked_at="2026-10-31T23:00:00.000Z")
    log.ledger.add(late)
    said = [f for f in found(log, ORDER) if f.check == "no_entry_after_close"]
    assert said == [
        Finding("no_entry_after_close", "2026-10", "was closed with 2 entries and other sums, and has 3"),
        Finding(
            "no_entry_after_close",
            late.entry_id,
            "is booked at 2026-10-31T23:00:00.000Z, after the close",
        ),
    ]
    # Another month's check does not look there.
    assert not [f for f in found(log, ORDER, period="2026-09") if f.check == "no_entry_after_close"]
