"""PagerDuty in memory: one open incident for each dedup key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class InMemoryPager:
    """Satisfies `Pager`; `events` are those that it took, `open` the keys of open incidents.

    `opened` counts the incidents, as people are paged. `faults` knows `send`.
    """

    events: list[Mapping[str, Any]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    opened: int = 0
    faults: Faults = field(default_factory=Faults)

    def send(self, event: Mapping[str, Any]) -> None:
        """Take an event and work on it at once."""
        with self.faults.around("send"):
            key = event["dedup_key"]
            self.events.append(event)
            if event["event_action"] == "resolve":
                self.open.discard(key)
            elif key not in self.open:
                self.open.add(key)
                self.opened += 1

    @property
    def actions(self) -> list[str]:
        """What it was asked to do, in order."""
        return [str(event["event_action"]) for event in self.events]
