"""The groups of failures, and whether they grow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lambdas.domain.failure import FailureGroup
    from lambdas.domain.failure_store import Failures

SPAN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Trend:
    """How many of a group's waiting failures were last seen in the newest quarter of an hour, and before."""

    recent: int
    before: int

    @property
    def word(self) -> str:
        """Say it in a word."""
        if not self.recent:
            return "quiet"
        if self.recent > self.before:
            return "growing"
        return "steady" if self.recent == self.before else "slowing"


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group with its trend."""

    group: FailureGroup
    trend: Trend


def list_groups(failures: Failures, now: datetime, *, closed: bool = False) -> Sequence[ListedGroup]:
    """Return the groups that somebody has to look at (all with `closed`), those with most failures first."""
    groups = sorted(failures.groups(closed=closed), key=lambda g: (-g.open, g.fingerprint))
    return [ListedGroup(group, _trend(failures, group, now)) for group in groups]


def _trend(failures: Failures, group: FailureGroup, now: datetime) -> Trend:
    """Count no further back than two spans: a large old group is not read whole."""
    if not group.open:
        return Trend(0, 0)
    edge = to_text(now - SPAN)
    waiting = failures.waiting_in(group.fingerprint, seen_from=to_text(now - 2 * SPAN))
    seen = [failure.last_seen >= edge for failure in waiting]
    return Trend(sum(seen), len(seen) - sum(seen))
