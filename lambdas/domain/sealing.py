"""The sealed log as its keepers see it: batches of entries, and the ports to where they are kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.domain.errors import PipelineError
from lambdas.domain.identifiers import OrderId, entry_id_for
from lambdas.domain.ledger import Balance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambdas.domain.ledger import JournalEntry

CHECKPOINTS: Final = "checkpoints/"
CLOSED: Final = "closed/"
_MONTHS: Final = 12


class LogForked(PipelineError):
    """The log holds something else than what this run was to write there: a person has to look."""


class PeriodRefused(PipelineError):
    """A month cannot be closed; the message says why, and when it can."""


@dataclass(frozen=True, slots=True, order=True)
class EntryKey:
    """An entry's key in the ledger."""

    order_id: OrderId
    entry_no: int

    def __str__(self) -> str:
        """Write it in the form that a batch keeps."""
        return f"{self.order_id}#{self.entry_no}"

    @classmethod
    def parse(cls, text: str) -> EntryKey:
        """Read what `str` writes."""
        order_id, _, entry_no = text.partition("#")
        return cls(OrderId(order_id), int(entry_no))

    @property
    def entry_id(self) -> str:
        """The entry's id."""
        return entry_id_for(self.order_id, self.entry_no)


@dataclass(frozen=True, slots=True)
class MonthTotals:
    """What has been sealed of a month: how many entries, and what their postings add up to."""

    month: str
    entries: int
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of leaves that were appended together, and what was read for it.

    Up to this batch everything is sealed that was booked in `[since, until)` and that the index showed; what
    was booked at `until` itself may come into the next one. `totals` are running: of every month that is not
    closed, over all batches so far. `late` are those that came after their grace.
    """

    start: int
    since: str
    until: str
    root: bytes
    entries: tuple[EntryKey, ...]
    late: tuple[str, ...]
    at: str
    totals: tuple[MonthTotals, ...]

    @property
    def size(self) -> int:
        """The log's size after it."""
        return self.start + len(self.entries)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of the ledger that is no entry, or not the one whose hash it carries."""

    key: EntryKey
    fault: str


class EntryReader(Protocol):
    """The ledger, as the sealer reads it."""

    def booked_between(self, since: str, until: str) -> Iterator[JournalEntry | Unreadable]:
        """Yield what was booked in `[since, until)`, by the time of booking."""
        ...

    def entries(self, keys: Sequence[EntryKey]) -> dict[EntryKey, JournalEntry]:
        """Return entries by consistent reads; what is missing is left out."""
        ...


class BatchLog(Protocol):
    """The batches in their order: one conditional write adds one."""

    def last(self) -> Batch | None:
        """Return the newest batch, by a consistent read."""
        ...

    def newest_first(self) -> Iterator[Batch]:
        """Yield the batches from the newest on."""
        ...

    def add(self, batch: Batch) -> bool:
        """Write a batch, unless there is one that starts at the same leaf; tell whether it was written."""
        ...

    def read_until(self) -> str | None:
        """Return up to when the ledger was read without finding anything to seal."""
        ...

    def note_read(self, until: str) -> None:
        """Keep that; a lower time than what is kept changes nothing."""
        ...


class LogStore(Protocol):
    """The log's files, which are written once."""

    def read(self, path: str) -> bytes:
        """Return a file; raises KeyError when there is none."""
        ...

    def create(self, path: str, data: bytes) -> None:
        """Write a file; one with the same content may be there. Raises LogForked for another content."""
        ...


class NoteSigner(Protocol):
    """The key that signs checkpoints."""

    def sign(self, text: str) -> bytes:
        """Return the text as a signed note."""
        ...


def checkpoint_path(size: int) -> str:
    """Name a checkpoint, so that names sort by size."""
    return f"{CHECKPOINTS}{size:016d}"


def closed_path(month: str) -> str:
    """Name the record of a closed month."""
    return f"{CLOSED}{month}"


def month_end(month: str) -> datetime:
    """Return the first moment after a month `YYYY-MM`; raises ValueError when it is none."""
    start = datetime.strptime(f"{month}-01", "%Y-%m-%d").replace(tzinfo=UTC)
    if start.strftime("%Y-%m") != month:
        raise ValueError(month)
    return start.replace(year=start.year + start.month // _MONTHS, month=start.month % _MONTHS + 1)


def add_to_totals(before: Iterable[MonthTotals], entries: Iterable[JournalEntry]) -> tuple[MonthTotals, ...]:
    """Count entries in their months' running totals."""
    counts: Counter[str] = Counter()
    sums: dict[str, dict[tuple[str, str], tuple[int, int]]] = {}
    for known in before:
        counts[known.month] += known.entries
        sums[known.month] = {(b.account, b.currency): (b.debit, b.credit) for b in known.balances}
    for entry in entries:
        month = entry.booked_at[:7]
        counts[month] += 1
        of_month = sums.setdefault(month, {})
        for p in entry.postings:
            debit, credit = of_month.get((p.account, p.currency), (0, 0))
            of_month[p.account, p.currency] = (debit + max(p.amount, 0), credit + max(-p.amount, 0))
    return tuple(
        MonthTotals(month, counts[month], tuple(Balance(*k, *v) for k, v in sorted(sums[month].items())))
        for month in sorted(counts)
    )
