"""The checks of a ledger: page by page, with a bounded number of entries and orders at hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from lambdas.domain.identifiers import OrderId, looks_like_order_id
from lambdas.domain.sealing import EntryKey, Unreadable
from lambdas.domain.signed_note import NoteInvalid
from lambdas.domain.tiles import LogBroken
from orders.ledger.completeness import BALANCED, COMPLETE, GAP_FREE, INTACT, Finding, hold_against
from orders.ledger.sealed import leaf_of
from orders.ledger.selection import Selection, Span, span_of
from orders.ledger.totals import Totals
from orders.ledger.verification import verify_ledger

if TYPE_CHECKING:
    from datetime import datetime

    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Order
    from lambdas.domain.sealing import EntryReader
    from orders.ledger.reading import Ledger
    from orders.ledger.sealed import SealedLedger

SEALED: Final = "sealed"
CLOSED: Final = "no_entry_after_close"
_ORDERS_AT_ONCE: Final = 100
# An order may be booked while it is looked at: what is found is looked at again.
_LOOKS: Final = 5


class OrderHeads(Protocol):
    """The orders, to be held against the ledger."""

    def pages(self) -> Iterator[dict[str, Order | None]]:
        """Yield all heads by their orders' ids; None for one that cannot be read."""
        ...

    def of(self, order_ids: Sequence[str]) -> dict[str, Order | None]:
        """Return these orders' heads by consistent reads; those that do not exist are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Books:
    """What the checks look at; `entries` reads single entries, consistently. `looked_at` counts."""

    ledger: Ledger
    entries: EntryReader
    heads: OrderHeads
    log: SealedLedger
    now: datetime
    looked_at: Counter[str] = field(default_factory=Counter)


Check: TypeAlias = Callable[[Books, Span], Iterator[Finding]]


def check_entries(books: Books, span: Span) -> Iterator[Finding]:
    """Every entry is the one whose hash it carries, adds up to zero, and is of an order that there is."""
    seen: dict[str, str] = {}
    for found in books.ledger.read(Selection(span)):
        books.looked_at["entries"] += 1
        if isinstance(found, Unreadable):
            name = BALANCED if found.fault == "UnbalancedEntry" else INTACT
            yield Finding(name, found.key.entry_id, found.fault)
        elif looks_like_order_id(found.order_id):
            seen.setdefault(found.order_id, found.entry_id)
            if len(seen) == _ORDERS_AT_ONCE:
                yield from _of_no_order(books, seen)
                seen = {}
    yield from _of_no_order(books, seen)


def _of_no_order(books: Books, seen: Mapping[str, str]) -> Iterator[Finding]:
    there = books.heads.of(list(seen)) if seen else {}
    for order_id, entry_id in seen.items():
        if order_id not in there:
            yield Finding(COMPLETE, entry_id, "is booked for an order that does not exist")


def check_orders(books: Books, span: Span) -> Iterator[Finding]:
    """What every order's head says of its money is booked, under numbers without a gap."""
    for page in books.heads.pages():
        within = [order for order in page.values() if order is None or _within(order, span)]
        yield from (
            Finding(COMPLETE, order_id, "the order's head cannot be read")
            for order_id, order in page.items()
            if order is None
        )
        heads = iter([order for order in within if order is not None])
        while some := list(islice(heads, _ORDERS_AT_ONCE)):
            booked = _entries_of(books, some)
            books.looked_at["orders"] += len(some)
            for order in some:
                if any(hold_against(order, booked.get(order.order_id, ()))):
                    yield from _look_again(books, order.order_id)


def _within(order: Order, span: Span) -> bool:
    """Whether the order's money may have moved in that time."""
    return order.accepted_at < span.until and order.updated_at >= span.since


def _entries_of(books: Books, orders: Iterable[Order]) -> dict[OrderId, list[JournalEntry]]:
    # One more than there should be: the number after the last is free.
    keys = [EntryKey(o.order_id, n) for o in orders for n in range(1, o.entries + 2)]
    booked: dict[OrderId, list[JournalEntry]] = {}
    for key, entry in books.entries.entries(keys).items():
        booked.setdefault(key.order_id, []).append(entry)
    return booked


def _look_again(books: Books, order_id: OrderId) -> Iterator[Finding]:
    """Hold an order against its entries while nothing changes it."""
    for _ in range(_LOOKS):
        before = books.heads.of([order_id]).get(order_id)
        if before is None:
            return
        booked = _entries_of(books, [before]).get(order_id, [])
        after = books.heads.of([order_id]).get(order_id)
        if after and after.revision == before.revision:
            yield from hold_against(before, booked)
            return
    yield Finding(COMPLETE, order_id, "could not be compared: it changes all the time")


def check_sealed(books: Books, span: Span) -> Iterator[Finding]:
    """Everything whose grace is over is in the sealed log, as it is in the ledger."""
    since = span.since if span.since > books.ledger.beginning else None
    try:
        verified = verify_ledger(books.log, since, books.now)
    except (NoteInvalid, LogBroken) as error:
        yield Finding(SEALED, "", f"the log cannot be read: {error}")
        return
    for broken in verified.broken:
        where = "" if broken.leaf is None else f" (leaf {broken.leaf})"
        yield Finding(SEALED, broken.entry_id, f"{broken.what}{where}")


def check_closed(books: Books, span: Span) -> Iterator[Finding]:
    """A closed month has the entries that it was closed with, and no other."""
    for month in books.log.closed_periods():
        whole = span_of(month)
        if whole.until <= span.since or whole.since >= span.until:
            continue
        try:
            record = json.loads(books.log.closed_record(month))
        except (NoteInvalid, LogBroken) as error:
            yield Finding(CLOSED, month, f"the record of its closing is not genuine: {error}")
            continue
        totals = Totals()
        for found in books.ledger.read(Selection(whole)):
            if not isinstance(found, Unreadable):
                totals.add(found)
        balances = [[b.account, b.currency, b.debit, b.credit] for b in totals.balances]
        if (totals.entries, balances) != (record["entries"], record["balances"]):
            what = f"was closed with {record['entries']:,} entries and other sums, and has {totals.entries:,}"
            yield Finding(CLOSED, month, what)
            yield from _booked_after(books, whole, record["size"])


def _booked_after(books: Books, month: Span, size: int) -> Iterator[Finding]:
    for found in books.ledger.read(Selection(month)):
        if not isinstance(found, Unreadable):
            key = EntryKey(found.order_id, found.entry_no)
            leaf = leaf_of(books.log, key, found.booked_at)
            if leaf is None or leaf >= size:
                yield Finding(CLOSED, found.entry_id, f"is booked at {found.booked_at}, after the close")


# Each with the names of what it may find.
CHECKS: Final[tuple[tuple[tuple[str, ...], Check], ...]] = (
    ((INTACT, BALANCED, COMPLETE), check_entries),
    ((COMPLETE, GAP_FREE), check_orders),
    ((SEALED,), check_sealed),
    ((CLOSED,), check_closed),
)
NAMES: Final = tuple(dict.fromkeys(name for names, _ in CHECKS for name in names))


def run_checks(books: Books, span: Span) -> Iterator[Finding]:
    """Run all checks, one after the other."""
    for _, check in CHECKS:
        yield from check(books, span)
