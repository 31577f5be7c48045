"""Appends the ledger's closed entries to the sealed log, batch by batch.

A batch is committed by one conditional write, which says which entries come next and what the root is then.
What follows from it, tiles and checkpoint, is the same whoever writes it: a run that finds the last batch
without its checkpoint writes these first. So a crash at any point leaves a log that the next run completes,
and of two sealers at once one adds the batch and the other gives up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from lambdas.domain.sealing import (
    Batch,
    EntryKey,
    LogForked,
    Unreadable,
    add_to_totals,
    checkpoint_path,
    closed_path,
)
from lambdas.domain.signed_note import Checkpoint
from lambdas.domain.tiles import Frontier, RightEdge
from lambdas.domain.timestamps import Clock, from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.sealing import BatchLog, EntryReader, LogStore, MonthTotals, NoteSigner

# Eight bundles; the keys of so many entries are a fifth of the largest item.
BATCH: Final = 2_048
# Enough for the slowest batch to be written whole.
RESERVE_SECONDS: Final = 20


@dataclass(slots=True)
class Sealed:
    """What one run has done."""

    sealed: int = 0
    batches: int = 0
    size: int = 0
    until: str = ""
    late: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unfinished: bool = False
    """Whether there is more to seal than the time allowed."""
    overtaken: bool = False
    """Whether another sealer added a batch meanwhile."""

    def count(self, batch: Batch) -> None:
        """Count a batch that is published."""
        self.batches += 1
        self.sealed += len(batch.entries)
        self.late += batch.late
        self.size, self.until = batch.size, batch.until


@dataclass(frozen=True, slots=True)
class _Window:
    """What a run reads: `known` was read before, of which the last grace window is read again."""

    known: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class SealLedger:
    """One run over what is closed: booked longer ago than `grace`, after which nothing should still appear.

    `beginning` is a time before the first entry of all.
    """

    ledger: EntryReader
    batches: BatchLog
    store: LogStore
    signer: NoteSigner
    origin: str
    grace: timedelta
    beginning: str
    now: Clock

    def __call__(self, seconds_left: Callable[[], float]) -> Sealed:
        """Seal what is closed. Raises LogForked, StoreUnavailable, ...; what is committed stays so."""
        last = self.batches.last()
        edge = self.completed(last) if last else RightEdge(Frontier(), [])
        known = max(self.batches.read_until() or self.beginning, last.until if last else self.beginning)
        since = max(self.beginning, to_text(from_text(known) - self.grace))
        window = _Window(known, since, until=max(known, to_text(self.now() - self.grace)))
        done = Sealed(size=edge.size, until=known)
        self._seal(window, edge, last.totals if last else (), done, seconds_left)
        if not done.batches and not done.overtaken:
            done.until = window.until
            self._note_read(window)
        return done

    def _seal(
        self,
        window: _Window,
        edge: RightEdge,
        totals: Sequence[MonthTotals],
        done: Sealed,
        seconds_left: Callable[[], float],
    ) -> None:
        unsealed = self._unsealed(window, done)
        while chunk := list(islice(unsealed, BATCH)):
            chunk.sort(key=lambda entry: (entry.booked_at, entry.order_id, entry.entry_no))
            # After a full batch there may be more of its last millisecond.
            until = window.until if len(chunk) < BATCH else max(done.until, chunk[-1].booked_at)
            after, files = edge.grown([entry.canonical for entry in chunk])
            batch = Batch(
                start=edge.size,
                since=window.since,
                until=until,
                root=after.root(),
                entries=tuple(EntryKey(entry.order_id, entry.entry_no) for entry in chunk),
                late=tuple(entry.entry_id for entry in chunk if entry.booked_at < window.known),
                at=to_text(self.now()),
                totals=add_to_totals(self._open(totals), chunk),
            )
            if not self.batches.add(batch):
                done.overtaken = True
                return
            self._publish(batch, files)
            edge, totals = after, batch.totals
            done.count(batch)
            if seconds_left() < RESERVE_SECONDS:
                done.unfinished = len(chunk) == BATCH
                return

    def completed(self, batch: Batch) -> RightEdge:
        """Return the log's edge after its last batch, whose files are written if they are not yet."""
        try:
            self.store.read(checkpoint_path(batch.size))
        except KeyError:
            return self._complete(batch)
        return RightEdge.load(self.store.read, batch.size)

    def _complete(self, batch: Batch) -> RightEdge:
        found = self.ledger.entries(batch.entries)
        missing = [key.entry_id for key in batch.entries if key not in found]
        if missing:
            raise LogForked(f"{missing[0]} was to be sealed and is not in the ledger any more")
        edge = RightEdge.load(self.store.read, batch.start)
        after, files = edge.grown([found[key].canonical for key in batch.entries])
        if after.root() != batch.root:
            raise LogForked(f"the entries from leaf {batch.start} on are not those that were to be sealed")
        self._publish(batch, files)
        return after

    def _publish(self, batch: Batch, files: dict[str, bytes]) -> None:
        """Write the checkpoint last: with it, everything is there."""
        for path, data in files.items():
            self.store.create(path, data)
        text = Checkpoint(self.origin, batch.size, batch.root).text
        self.store.create(checkpoint_path(batch.size), self.signer.sign(text))

    def _unsealed(self, window: _Window, done: Sealed) -> Iterator[JournalEntry]:
        sealed = set(self._sealed_after(window.since))
        for entry in self.ledger.booked_between(window.since, window.until):
            if isinstance(entry, Unreadable):
                done.unreadable.append(entry)
            elif EntryKey(entry.order_id, entry.entry_no) not in sealed:
                yield entry

    def _sealed_after(self, since: str) -> Iterator[EntryKey]:
        """The entries of every batch that may hold one booked at `since` or later."""
        for batch in self.batches.newest_first():
            if batch.until < since:
                return
            yield from batch.entries

    def _open(self, totals: Sequence[MonthTotals]) -> list[MonthTotals]:
        """Only what is not closed is carried on; as a rule that is one month, and nothing has to be asked."""
        return [month for month in totals[:-1] if not self._is_closed(month.month)] + [*totals[-1:]]

    def _is_closed(self, month: str) -> bool:
        try:
            self.store.read(closed_path(month))
        except KeyError:
            return False
        return True

    def _note_read(self, window: _Window) -> None:
        """Not at every quiet run: once in a grace window is enough to know where to go on."""
        if from_text(window.until) - from_text(window.known) >= self.grace:
            self.batches.note_read(window.until)
