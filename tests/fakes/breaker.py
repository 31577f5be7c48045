"""The shared breaker in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.breaker import Breaker
from lambdas.services.outage_guard import OutageGuard
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from lambdas.domain.timestamps import Clock

PROBE_SECONDS = 30.0


@dataclass(slots=True)
class InMemoryBreaker:
    """Satisfies `BreakerStore`. `faults` knows `read` and `write`."""

    breaker: Breaker = field(default_factory=Breaker)
    faults: Faults = field(default_factory=Faults)

    def read(self) -> Breaker:
        """Return it."""
        with self.faults.around("read"):
            return self.breaker

    def write(self, breaker: Breaker) -> bool:
        """Write it over the revision it was made from."""
        with self.faults.around("write"):
            if self.breaker.revision != breaker.revision - 1:
                return False
            self.breaker = breaker
            return True


def a_guard(clock: Clock, store: InMemoryBreaker | None = None) -> OutageGuard:
    """One instance's guard, over a breaker of its own by default."""
    return OutageGuard(store or InMemoryBreaker(), PROBE_SECONDS, lambda: clock().timestamp())
