"""Brings PagerDuty to what a group of failures is, one caller at a time and never by waiting.

Whoever tells takes the turn first, by a conditional write, so that however many find a group at once, one
event goes out. What did not arrive stays due, and the schedule finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lambdas.domain.alert import Action, due, event_for
from lambdas.domain.errors import PagerRefused, PagerUnavailable, StoreUnavailable
from lambdas.domain.failure import Paging
from lambdas.domain.timestamps import Clock, to_text

if TYPE_CHECKING:
    from datetime import timedelta

    from lambdas.domain.alert import Pager, Place
    from lambdas.domain.failure import FailureGroup
    from lambdas.domain.failure_store import Failures
    from lambdas.domain.identifiers import Fingerprint


class Told(StrEnum):
    """How telling PagerDuty of a group went."""

    NOTHING = "nothing"
    TRIGGERED = "triggered"
    RESOLVED = "resolved"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TellPager:
    """`gap` is the least time between two events of a group."""

    failures: Failures
    pager: Pager
    place: Place
    gap: timedelta
    now: Clock

    def __call__(self, fingerprint: Fingerprint) -> Told:
        """Send what is due; raises StoreUnavailable when the groups cannot be read or written."""
        now = self.now()
        group = self.failures.group(fingerprint)
        if group is None:
            return Told.NOTHING
        action = due(group, now, self.gap)
        if action is None:
            self._close(group)
            return Told.NOTHING
        turn = replace(group.paging, triggered=True, at=to_text(now))
        if not self.failures.save_paging(group, turn):
            return Told.NOTHING  # somebody else has the turn
        return self._send(action, replace(group, paging=turn))

    def _send(self, action: Action, group: FailureGroup) -> Told:
        told = replace(group.paging, open=group.open, version=group.version)
        try:
            self.pager.send(event_for(action, group, self.place))
        except (PagerUnavailable, StoreUnavailable):
            return Told.UNAVAILABLE
        except PagerRefused:
            if action is Action.TRIGGER:
                self.failures.save_paging(group, replace(told, open=0))
            else:
                self.failures.save_paging(group, Paging(at=told.at, version=told.version))
            return Told.REFUSED
        if action is Action.TRIGGER:
            self.failures.save_paging(group, told)
            return Told.TRIGGERED
        self.failures.save_paging(group, Paging(at=told.at, version=told.version))
        return Told.RESOLVED

    def _close(self, group: FailureGroup) -> None:
        """Take a group off the list that ended before anybody was told of it."""
        if group.open <= 0 and not group.paging.triggered:
            self.failures.save_paging(group, group.paging)
