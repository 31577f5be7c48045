"""Failures, their groups, contexts and archive in memory, with the conditions of `lambdas/adapters`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.domain.failure import FailureGroup
from lambdas.domain.failure_groups import GroupChange, group_changes
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambdas.domain.failure import DeadLetter, Failure, FailureContext, Paging
    from lambdas.domain.failure_groups import Change
    from lambdas.domain.identifiers import FailureId, Fingerprint, PlanId


@dataclass(slots=True)
class InMemoryFailures:
    """Satisfies `Failures`.

    `faults` knows `get`, `save` (of one or several), `waiting_in`, `groups`, `group` and `save_paging`.
    """

    records: dict[FailureId, Failure] = field(default_factory=dict)
    counted: dict[Fingerprint, FailureGroup] = field(default_factory=dict)
    closed: set[Fingerprint] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, failure_id: FailureId) -> Failure | None:
        """Return a failure."""
        with self.faults.around("get"):
            return self.records.get(failure_id)

    def save(self, before: Failure | None, after: Failure) -> bool:
        """Write one over what was read."""
        return self.save_together([(before, after)])

    def save_together(self, changes: Sequence[Change]) -> bool:
        """Write all over what was read, or none."""
        with self.faults.around("save"), self.lock:
            if all(self.records.get(after.failure_id) == after for _, after in changes):
                return True
            if not all(self._fits(before, after) for before, after in changes):
                return False
            self.records.update({after.failure_id: after for _, after in changes})
            for change in group_changes(changes):
                self._count(change)
            return True

    def waiting_in(self, fingerprint: Fingerprint, *, seen_from: str = "") -> Iterator[Failure]:
        """Yield the group's waiting failures, the longest unseen first."""
        with self.faults.around("waiting_in"):
            found = [f for f in self.records.values() if f.waiting and f.fingerprint == fingerprint]
        yield from sorted((f for f in found if f.last_seen >= seen_from), key=lambda f: f.last_seen)

    def groups(self, *, closed: bool = False) -> Sequence[FailureGroup]:
        """Return the groups that somebody has to look at, or all."""
        with self.faults.around("groups"):
            return [group for name, group in self.counted.items() if closed or name not in self.closed]

    def group(self, fingerprint: Fingerprint) -> FailureGroup | None:
        """Return a group."""
        with self.faults.around("group"):
            return self.counted.get(fingerprint)

    def save_paging(self, group: FailureGroup, paging: Paging) -> bool:
        """Write what PagerDuty was told over what was read."""
        with self.faults.around("save_paging"), self.lock:
            found = self.counted[group.fingerprint]
            if found.paging != group.paging:
                return False
            self.counted[group.fingerprint] = replace(found, paging=paging)
            if not paging.triggered and found.open == 0:
                self.closed.add(group.fingerprint)
            else:
                self.closed.discard(group.fingerprint)
            return True

    def _fits(self, before: Failure | None, after: Failure) -> bool:
        found = self.records.get(after.failure_id)
        if before is None or found is None:
            return before is found
        return found.revision == before.revision

    def _count(self, change: GroupChange) -> None:
        name = change.fingerprint
        seen = change.seen_at or ""
        if name not in self.counted and not change.entered:
            self.closed.add(name)
        elif change.entered:
            self.closed.discard(name)
        found = self.counted.get(name) or FailureGroup(name, change.title, change.frame, seen, seen)
        stake = {c: found.stake.get(c, 0) + change.stake.get(c, 0) for c in {*found.stake, *change.stake}}
        self.counted[name] = replace(
            found,
            last_seen=change.seen_at or found.last_seen,
            open=found.open + change.open,
            total=found.total + change.total,
            version=found.version + change.moves,
            stake={currency: amount for currency, amount in sorted(stake.items()) if amount},
        )


@dataclass(slots=True)
class InMemoryFailureContexts:
    """Satisfies `FailureContexts` and `ReplayMarks`.

    `faults` knows `keep`, `find`, `came_through` and `has_come_through`.
    """

    contexts: dict[tuple[FailureId, str], FailureContext] = field(default_factory=dict)
    marks: dict[tuple[FailureId, PlanId], str] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def keep(self, failure_id: FailureId, message_id: str, context: FailureContext) -> None:
        """Write the context of a message."""
        with self.faults.around("keep"):
            self.contexts[failure_id, message_id] = context

    def find(self, failure_id: FailureId, message_id: str) -> FailureContext | None:
        """Return the context of a message."""
        with self.faults.around("find"):
            return self.contexts.get((failure_id, message_id))

    def came_through(self, failure_id: FailureId, plan_id: PlanId, at: str) -> None:
        """Mark a replay."""
        with self.faults.around("came_through"):
            self.marks[failure_id, plan_id] = at

    def has_come_through(self, failure_id: FailureId, plan_id: PlanId) -> bool:
        """Look for the mark."""
        with self.faults.around("has_come_through"):
            return (failure_id, plan_id) in self.marks


@dataclass(slots=True)
class InMemoryArchive:
    """Satisfies `Archive`: nothing that is kept is written over.

    `faults` knows `keep` and `keep_unreadable`.
    """

    letters: dict[str, tuple[DeadLetter, FailureContext]] = field(default_factory=dict)
    unreadable: dict[str, DeadLetter] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def keep(self, failure_id: FailureId, letter: DeadLetter, context: FailureContext) -> str:
        """Keep a letter once."""
        with self.faults.around("keep"):
            key = f"{failure_id}/{letter.message_id}"
            self.letters.setdefault(key, (letter, context))
            return key

    def keep_unreadable(self, letter: DeadLetter) -> str:
        """Keep a letter that nobody can read."""
        with self.faults.around("keep_unreadable"):
            self.unreadable.setdefault(letter.message_id, letter)
            return letter.message_id
