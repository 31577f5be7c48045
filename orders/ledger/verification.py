"""Verifies a deployment's sealed log and ledger against each other, from any checkpoint on.

The work is in proportion to the leaves that are verified: the tree's right edge at the first checkpoint is
a few tiles, every leaf is appended to it once, and at each later checkpoint the root must be the signed
one. So every leaf is in the log at its place, and each checkpoint is the beginning of the next. Entries of
the ledger are read in the order of their booking beside it and matched; what is left over is named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambdas.domain.merkle import leaf_hash
from lambdas.domain.sealing import EntryKey, Unreadable
from lambdas.domain.signed_note import NoteInvalid
from lambdas.domain.tiles import Frontier, LogBroken, Tiles
from lambdas.domain.timestamps import from_text, to_text
from orders.ledger.sealed import first_batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lambdas.domain.ledger import JournalEntry
    from orders.ledger.sealed import SealedLedger

_SOUGHT_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that is wrong: at a leaf, where there is one."""

    leaf: int | None
    entry_id: str
    what: str

    def __str__(self) -> str:
        """Tell a person."""
        where = "" if self.leaf is None else f"leaf {self.leaf}"
        return f"{' '.join(filter(None, (where, self.entry_id)))}: {self.what}"


@dataclass(slots=True)
class Verification:
    """What was verified: leaves from `first` to `size`, and what was found.

    The ledger is sealed up to `sealed_until`; the next runs will seal the `unsealed` entries after that.
    """

    first: int
    size: int
    sealed_until: str
    checkpoints: int = 0
    unsealed: int = 0
    broken: list[Broken] = field(default_factory=list)


def verify_ledger(log: SealedLedger, since: str | int | None, now: datetime) -> Verification:
    """Verify everything from a time (RFC 3339 or a day) or a size of the log on, or from the beginning."""
    first, from_, before = _start(log, since)
    last = log.batches.last()
    until = max(log.batches.read_until() or log.beginning, last.until if last else log.beginning)
    found = Verification(first=first, size=first, sealed_until=until)
    matching = _Matching(log.ledger.booked_between(from_, to_text(now)), found)
    try:
        for number, leaf in _proven_leaves(log, found):
            matching.leaf(number, leaf)
    except (KeyError, LogBroken) as error:
        # Without the rest of the log nothing can be said of the rest of the ledger.
        found.broken.append(Broken(found.size, "", f"the log ends here: {error}"))
        return found
    matching.finish()
    _explain_sealed(log, matching, found)
    window = to_text(from_text(until) - log.grace)
    for key, entry in matching.booked.items():
        if key in before:
            continue
        if entry.booked_at >= window:
            found.unsealed += 1
        else:
            what = f"booked at {entry.booked_at} and never sealed, though the log is sealed to {until}"
            found.broken.append(Broken(None, key.entry_id, what))
    return found


def _start(log: SealedLedger, since: str | int | None) -> tuple[int, str, frozenset[EntryKey]]:
    """Return the leaf and the time to begin with, and the entries of the batch before that leaf."""
    last = log.batches.last()
    if since is None or last is None:
        return 0, log.beginning, frozenset()
    if isinstance(since, int):
        batch = log.batches.holding(since) if since < last.size else None
    else:
        batch = first_batch(log.batches, lambda b: b.until >= since)
    first = batch.start if batch else last.size
    before = log.batches.holding(first - 1) if first else None
    if before is None:
        return 0, log.beginning, frozenset()
    return first, before.until, frozenset(before.entries)


def _proven_leaves(log: SealedLedger, found: Verification) -> Iterator[tuple[int, bytes]]:
    """Yield the leaves in their order; note what is broken about them."""
    sizes = log.sizes(found.first)
    head = sizes[-1] if sizes else found.first
    frontier = _first_frontier(log, found)
    for size in sizes:
        start = frontier.size
        for number, entry in log.leaves(start, size, head):
            frontier.append(leaf_hash(entry))
            yield number, entry
        try:
            checkpoint = log.checkpoint(size)
        except (NoteInvalid, LogBroken) as error:
            found.broken.append(Broken(size - 1, "", f"checkpoint {size}: {error}"))
        else:
            if checkpoint.root != frontier.root():
                found.broken += _changed_leaves(log, start, size, head)
                frontier = log.tiles(size).frontier()
        found.size, found.checkpoints = size, found.checkpoints + 1


def _first_frontier(log: SealedLedger, found: Verification) -> Frontier:
    if not found.first:
        return Frontier()
    frontier = log.tiles(found.first).frontier()
    try:
        good = log.checkpoint(found.first).root == frontier.root()
    except (NoteInvalid, LogBroken):
        good = False
    if not good:
        what = f"the signed checkpoint {found.first} is not that of the tiles"
        found.broken.append(Broken(found.first - 1, "", what))
    return frontier


def _changed_leaves(log: SealedLedger, start: int, size: int, head: int) -> Iterator[Broken]:
    """Find which leaf of a batch is not what its tile says."""
    tiles, named = Tiles(log.files.read, head), False
    for number, entry in log.leaves(start, size, head):
        if tiles.node(0, number) != leaf_hash(entry):
            named = True
            yield Broken(number, _entry_id(entry), "the log's entry is not the one that was sealed")
    if not named:
        yield Broken(size - 1, "", f"checkpoint {size}: its root is not that of the entries up to it")


def _explain_sealed(log: SealedLedger, matching: _Matching, found: Verification) -> None:
    """Look for what was sealed and did not come by: late entries are found by their keys."""
    keys = list(matching.sealed)
    for start in range(0, len(keys), _SOUGHT_AT_ONCE):
        some = keys[start : start + _SOUGHT_AT_ONCE]
        there = log.ledger.entries(some)
        for key in some:
            number, entry = matching.sealed[key]
            if key not in there:
                what = "sealed, and gone from the ledger or unreadable there"
                found.broken.append(Broken(number, key.entry_id, what))
            elif there[key].canonical != entry:
                found.broken.append(Broken(number, key.entry_id, "changed in the ledger after it was sealed"))


class _Matching:
    """Holds leaves against the ledger's entries; both come about in the order of booking."""

    def __init__(self, ledger: Iterator[JournalEntry | Unreadable], found: Verification) -> None:
        self.sealed: dict[EntryKey, tuple[int, bytes]] = {}
        self.booked: dict[EntryKey, JournalEntry] = {}
        self._ledger = ledger
        self._found = found
        self._next = next(ledger, None)

    def leaf(self, number: int, entry: bytes) -> None:
        """Match one leaf."""
        try:
            content = json.loads(entry)
            key, booked_at = EntryKey(content["order_id"], content["entry_no"]), str(content["booked_at"])
        except (KeyError, TypeError, ValueError):
            self._found.broken.append(Broken(number, "", "the leaf is no entry"))
            return
        self._read_to(booked_at)
        booked = self.booked.pop(key, None)
        if booked is None:
            self.sealed[key] = (number, entry)
        elif booked.canonical != entry:
            self._found.broken.append(
                Broken(number, key.entry_id, "changed in the ledger after it was sealed")
            )

    def finish(self) -> None:
        """Read the ledger to its end."""
        self._read_to(None)

    def _read_to(self, until: str | None) -> None:
        while self._next is not None:
            if isinstance(self._next, Unreadable):
                broken = Broken(
                    None, self._next.key.entry_id, f"unreadable in the ledger: {self._next.fault}"
                )
                self._found.broken.append(broken)
            elif until is not None and self._next.booked_at > until:
                return
            else:
                self._meet(self._next)
            self._next = next(self._ledger, None)

    def _meet(self, entry: JournalEntry) -> None:
        key = EntryKey(entry.order_id, entry.entry_no)
        sealed = self.sealed.pop(key, None)
        if sealed is None:
            self.booked[key] = entry
        elif sealed[1] != entry.canonical:
            self._found.broken.append(
                Broken(sealed[0], key.entry_id, "changed in the ledger after it was sealed")
            )


def _entry_id(entry: bytes) -> str:
    try:
        content = json.loads(entry)
        return EntryKey(content["order_id"], content["entry_no"]).entry_id
    except (KeyError, TypeError, ValueError):
        return ""
