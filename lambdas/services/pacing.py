"""Spaces the starts of executions, so that all instances of dispatch together keep to the provider's rate."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Pacer:
    """Allows `starts_per_second` starts, evenly spaced; remembers over the invocations of a warm instance."""

    starts_per_second: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=0.0)

    def wait(self) -> None:
        """Wait for the next slot; idle time is not saved up for a burst."""
        present = self.now()
        slot = max(self._next, present)
        self._next = slot + 1 / self.starts_per_second
        if slot > present:
            self.sleep(slot - present)
