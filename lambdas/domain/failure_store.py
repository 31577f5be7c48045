"""Ports of what keeps failures: their records and groups, and the archive of dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambdas.domain.failure import DeadLetter, Failure, FailureContext, FailureGroup, Paging
    from lambdas.domain.failure_groups import Change
    from lambdas.domain.identifiers import FailureId, Fingerprint, PlanId


class FailureContexts(Protocol):
    """What dispatch leaves for the function that drains the dead letters; raises StoreUnavailable."""

    def keep(self, failure_id: FailureId, message_id: str, context: FailureContext) -> None:
        """Write down how a message's last execution failed; again changes nothing that matters."""
        ...

    def find(self, failure_id: FailureId, message_id: str) -> FailureContext | None:
        """Return what was kept of that message, or None."""
        ...


class ReplayMarks(Protocol):
    """Which replayed messages came through; raises StoreUnavailable.

    An order that had ended when it failed (its outcome was not published) does not show it by itself.
    """

    def came_through(self, failure_id: FailureId, plan_id: PlanId, at: str) -> None:
        """Write down that the message of a plan ended well."""
        ...

    def has_come_through(self, failure_id: FailureId, plan_id: PlanId) -> bool:
        """Tell whether it did."""
        ...


class Failures(Protocol):
    """Failures with their groups; every method raises StoreUnavailable."""

    def get(self, failure_id: FailureId) -> Failure | None:
        """Return a failure by a consistent read."""
        ...

    def save(self, before: Failure | None, after: Failure) -> bool:
        """Write a failure over the revision that was read, and count both groups in the same transaction.

        `before` is None for a new one. The group of a waiting failure counts it in `open` and `stake`; one
        that stops waiting, or changes its group, is taken out where it was. False when another was first.
        """
        ...

    def save_together(self, changes: Sequence[Change]) -> bool:
        """Write failures of different ids as `save` does, all or none in one transaction of at most 30.

        False when any of them was changed by another; then none is written.
        """
        ...

    def waiting_in(self, fingerprint: Fingerprint, *, seen_from: str = "") -> Iterator[Failure]:
        """Yield a group's waiting failures, the longest unseen first; may lag behind a little.

        With `seen_from` (RFC 3339) only those last seen then or later.
        """
        ...

    def groups(self, *, closed: bool = False) -> Sequence[FailureGroup]:
        """Return the groups that have waiting failures or an incident still open; all with `closed`."""
        ...

    def group(self, fingerprint: Fingerprint) -> FailureGroup | None:
        """Return a group by a consistent read."""
        ...

    def save_paging(self, group: FailureGroup, paging: Paging) -> bool:
        """Write down what PagerDuty was told, over what was written before; False when another was first."""
        ...


class Archive(Protocol):
    """Keeps dead letters where nobody deletes them; raises StoreUnavailable."""

    def keep(self, failure_id: FailureId, letter: DeadLetter, context: FailureContext) -> str:
        """Write a letter that was read, once; return its key. Again returns the same key."""
        ...

    def keep_unreadable(self, letter: DeadLetter) -> str:
        """Write a letter that nobody can read, raw, where it expires after 30 days; return its key."""
        ...
