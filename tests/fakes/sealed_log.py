"""The sealed log in memory, a ledger to seal, and a key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import RECEIVABLE, SALES, JournalEntry, Posting
from lambdas.domain.sealing import EntryKey, LogForked, Unreadable
from lambdas.domain.signed_note import VerifierKey, signed_note
from lambdas.domain.timestamps import from_text, to_text
from lambdas.services.close_period import ClosePeriod
from lambdas.services.seal_ledger import SealLedger
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambdas.domain.sealing import Batch

ORIGIN = "orders.example/ledger"
BEGINNING = "2026-10-01T00:00:00.000Z"
GRACE = timedelta(minutes=15)


class Crash(Exception):
    """The function ended here."""


def booked(number: int, at: str, amount: int = 100) -> JournalEntry:
    """An entry of an order of its own."""
    return JournalEntry(
        order_id=OrderId(f"ord_{number:026d}"),
        entry_no=1,
        kind="capture",
        booked_at=at,
        postings=(Posting(RECEIVABLE, "GBP", amount), Posting(SALES, "GBP", -amount)),
        psp_reference=f"pi_{number}",
        event_id=f"ord_{number:026d}.capture",
        actor="workflow",
    )


def booked_each_second(count: int, start: str, first: int = 0) -> list[JournalEntry]:
    """Entries, one a second."""
    begin = from_text(start)
    return [booked(first + n, to_text(begin + timedelta(seconds=n))) for n in range(count)]


@dataclass
class MemoryLedger:
    """A ledger whose index may lag."""

    booked: list[JournalEntry | Unreadable] = field(default_factory=list)
    reads: int = 0

    def add(self, *entries: JournalEntry) -> None:
        """Book."""
        self.booked += entries

    def booked_between(self, since: str, until: str) -> Iterator[JournalEntry | Unreadable]:
        """As the sealer reads it, in no order within a millisecond."""
        found = [e for e in self.booked if isinstance(e, Unreadable) or since <= e.booked_at < until]
        for entry in sorted(found, key=lambda e: "" if isinstance(e, Unreadable) else e.booked_at):
            self.reads += 1
            yield entry

    def of_order(self, order_id: OrderId) -> Iterator[JournalEntry | Unreadable]:
        """By their numbers."""
        found = [e for e in self.booked if isinstance(e, JournalEntry) and e.order_id == order_id]
        yield from sorted(found, key=lambda e: e.entry_no)

    def entries(self, keys: Sequence[EntryKey]) -> dict[EntryKey, JournalEntry]:
        """By their keys."""
        every = {EntryKey(e.order_id, e.entry_no): e for e in self.booked if isinstance(e, JournalEntry)}
        return {key: every[key] for key in keys if key in every}


@dataclass
class MemoryBatchLog:
    """The batches."""

    batches: dict[int, Batch] = field(default_factory=dict)
    read: str | None = None
    before_add: list[Batch] = field(default_factory=list)
    """Added by somebody else, just before the next batch is."""

    def last(self) -> Batch | None:
        """The newest."""
        return next(self.newest_first(), None)

    def newest_first(self) -> Iterator[Batch]:
        """From the newest on."""
        return iter([self.batches[start] for start in sorted(self.batches, reverse=True)])

    def holding(self, leaf: int) -> Batch | None:
        """The one with a leaf."""
        return next((batch for batch in self.newest_first() if batch.start <= leaf), None)

    def add(self, batch: Batch) -> bool:
        """One for each start."""
        while self.before_add:
            other = self.before_add.pop()
            self.batches[other.start] = other
        return self.batches.setdefault(batch.start, batch) == batch

    def read_until(self) -> str | None:
        """What was noted."""
        return self.read

    def note_read(self, until: str) -> None:
        """Note it."""
        self.read = max(self.read or "", until)


@dataclass
class MemoryStore:
    """The files; `left` is how many more may be written before the function crashes."""

    files: dict[str, bytes] = field(default_factory=dict)
    left: int | None = None
    reads: int = 0

    def read(self, path: str) -> bytes:
        """As S3 would."""
        self.reads += 1
        return self.files[path]

    def create(self, path: str, data: bytes) -> None:
        """Once."""
        if self.left == 0:
            raise Crash
        if self.files.setdefault(path, data) != data:
            raise LogForked(path)
        self.left = None if self.left is None else self.left - 1

    def paths(self, prefix: str, after: str = "") -> Iterator[str]:
        """In their order."""
        return iter(sorted(p for p in self.files if p.startswith(prefix) and p > after))


@dataclass
class LocalSigner:
    """An Ed25519 key on this machine."""

    name: str = ORIGIN
    key: Ed25519PrivateKey = field(default_factory=lambda: Ed25519PrivateKey.from_private_bytes(b"k" * 32))

    @property
    def verifier_key(self) -> VerifierKey:
        """The public half."""
        public = self.key.public_key()
        return VerifierKey(self.name, public.public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, text: str) -> bytes:
        """Sign a note."""
        return signed_note(text, self.verifier_key, self.key.sign(text.encode()))


@dataclass
class Log:
    """A ledger, its log, and the sealer between them, at a time that a test chooses."""

    clock: FakeClock
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    batches: MemoryBatchLog = field(default_factory=MemoryBatchLog)
    store: MemoryStore = field(default_factory=MemoryStore)
    signer: LocalSigner = field(default_factory=LocalSigner)

    @property
    def seal(self) -> SealLedger:
        """The sealer."""
        return SealLedger(
            self.ledger, self.batches, self.store, self.signer, ORIGIN, GRACE, BEGINNING, self.clock
        )

    @property
    def close(self) -> ClosePeriod:
        """What closes months."""
        return ClosePeriod(self.batches, self.store, self.signer, ORIGIN, GRACE, self.clock)

    def seal_at(self, at: str) -> int:
        """Run the sealer at a time; return how many entries it sealed."""
        self.clock.moment = from_text(at)
        return self.seal(lambda: 100.0).sealed

    def leaves(self) -> list[EntryKey]:
        """The keys of all leaves in their order."""
        return [key for start in sorted(self.batches.batches) for key in self.batches.batches[start].entries]


def a_log(entries: Iterable[JournalEntry] = ()) -> Log:
    """A log of a ledger with these entries, of which none is sealed."""
    log = Log(FakeClock())
    log.ledger.add(*entries)
    return log
