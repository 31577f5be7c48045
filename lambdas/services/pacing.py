"""Spaces the starts of executions, so that all instances of dispatch together keep to the provider's rate."""

from __future__ import annotations

import math
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

    def wait(self, share: float = 1.0, patience: float = math.inf) -> bool:
        """Wait for the next slot at a share of the rate; False, and no slot, when it is too far away.

        Idle time is not saved up for a burst. `patience` is in seconds.
        """
        present = self.now()
        slot = max(self._next, present)
        if slot - present > patience:
            return False
        self._next = slot + 1 / (self.starts_per_second * share)
        if slot > present:
            self.sleep(slot - present)
        return True
