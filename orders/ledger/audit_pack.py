"""Writes the audit pack of a month: one folder that an auditor needs nothing else for.

The ledger is read once, into the pack's own journal; every report is made from that file. So whoever has
proven the journal can add up all the rest without us.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.ledger import CAPTURE, RECEIVABLE, REFUND
from lambdas.domain.money import Money
from lambdas.domain.sealing import Unreadable
from orders.aws_errors import explain
from orders.ledger.audit_files import JOURNAL, write_reports, write_sums
from orders.ledger.audit_readme import readme
from orders.ledger.canonical import entries_of
from orders.ledger.checks import CHECKS
from orders.ledger.completeness import INTACT, Finding
from orders.ledger.exports import csv_lines, jsonl_export, write_whole
from orders.ledger.proofs import NotSealed, write_proofs
from orders.ledger.provider import ProviderSilent, provider_totals
from orders.ledger.selection import Selection, Span
from orders.ledger.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lambdas.domain.ledger import JournalEntry
    from orders.deployment import Deployment
    from orders.ledger.audit_data import AccountMovement
    from orders.ledger.checks import Books

PROVIDER: Final = "provider"
EXCEPTIONS: Final = "exceptions.csv"
_EXCEPTION: Final = ("check", "subject", "what")
# The provider's reporting categories, and the kinds of entries that book the same movements.
_SAME: Final = {"charge": CAPTURE, "refund": REFUND}


@dataclass(slots=True)
class Pack:
    """What was written of a month.

    `leaves` is how many entries are proven, None with `not_sealed` when none is yet. `provider_silent` is why
    the provider was not compared.
    """

    period: str
    span: Span
    deployment: str
    made_at: str
    seal_minutes: int
    grace_minutes: int
    entries: int = 0
    orders: int = 0
    leaves: int | None = None
    not_sealed: str = ""
    closed: bool = False
    provider_silent: str = ""
    exceptions: Counter[str] = field(default_factory=Counter)
    movements: list[AccountMovement] = field(default_factory=list)


def write_pack(deployment: Deployment, books: Books, pack: Pack, folder: Path) -> Pack:
    """Write the folder, which must be empty, and fill in what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    span, beginning = pack.span, books.ledger.beginning
    before, totals, unread = Totals(), Totals(), list[Finding]()
    if span.since > beginning:
        for entry in _sound(books, Span(beginning, span.since), unread):
            before.add(entry)
    write_whole(folder / JOURNAL, jsonl_export(totals.counting(_sound(books, span))))
    pack.entries = totals.entries
    pack.movements = write_reports(folder, before.balances, span.last_day)
    found = chain(
        unread,
        (finding for _, check in CHECKS for finding in check(books, span)),
        _provider_differences(deployment, pack, entries_of(folder / JOURNAL)),
    )
    rows = ((f.check, f.subject, f.what) for f in _counted(found, pack.exceptions))
    write_whole(folder / EXCEPTIONS, csv_lines(_EXCEPTION, rows))
    pack.orders = books.looked_at["orders"]
    pack.closed = pack.period in books.log.closed_periods()
    try:
        pack.leaves = write_proofs(deployment, pack.period, folder / "proofs")
    except NotSealed as error:
        pack.not_sealed = str(error)
    write_whole(folder / "README.md", [readme(pack)])
    write_sums(folder)
    return pack


def _sound(books: Books, span: Span, unread: list[Finding] | None = None) -> Iterator[JournalEntry]:
    """The entries that can be read. What cannot is an exception: the month's own are found by the checks."""
    for found in books.ledger.read(Selection(span)):
        if not isinstance(found, Unreadable):
            yield found
        elif unread is not None:
            unread.append(Finding(INTACT, found.key.entry_id, f"before the month: {found.fault}"))


def _counted(found: Iterable[Finding], counts: Counter[str]) -> Iterator[Finding]:
    for finding in found:
        counts[finding.check] += 1
        yield finding


def _provider_differences(
    deployment: Deployment, pack: Pack, entries: Iterable[JournalEntry]
) -> Iterator[Finding]:
    """Compare what was captured and refunded in the month, currency by currency."""
    try:
        theirs = provider_totals(deployment, pack.span)
    except ProviderSilent as error:
        pack.provider_silent = str(error)
        return
    except (BotoCoreError, ClientError) as error:
        pack.provider_silent = explain(error)
        return
    ours: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in entry.postings:
            if posting.account == RECEIVABLE:
                ours[entry.kind, posting.currency] += posting.amount
    for category, kind in _SAME.items():
        booked = {currency: sums for (of_kind, currency), sums in ours.items() if of_kind == kind}
        moved = theirs.get(category, {})
        for currency in sorted({*booked, *moved}):
            says, books = moved.get(currency, 0), booked.get(currency, 0)
            if says != books:
                what = f"{Money(says, currency)} by the provider, {Money(books, currency)} by the ledger"
                yield Finding(PROVIDER, f"{category} {currency}", what)


def pack_as_json(pack: Pack) -> dict[str, object]:
    """Return what a pack holds, for programs; amounts are in minor units."""
    return asdict(pack) | {"exceptions": dict(pack.exceptions)}
