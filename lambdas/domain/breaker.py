"""The breaker: while a service outside does not answer, orders wait on the queue and do not fail against it.

Closed, everything starts. After too many failures it opens: one order at a time probes, the others wait. A
probe that comes through lets orders start again at a small share of the usual rate, which doubles.
https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

# Failures among the last executions that had to do with the outside, of one instance of dispatch.
FAILURES_TO_OPEN: Final = 5
EXECUTIONS_WATCHED: Final = 10
FIRST_SHARE: Final = 0.1
DOUBLING_SECONDS: Final = 15.0
_DOUBLINGS_TO_ALL: Final = 1 + math.log2(1 / FIRST_SHARE)


class Phase(StrEnum):
    """What the breaker lets through: everything, one probe now and then, or a growing share."""

    CLOSED = "closed"
    OPEN = "open"
    RAMPING = "ramping"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state that all instances share. `since` and `next_probe` are epoch seconds."""

    phase: Phase = Phase.CLOSED
    since: float = 0.0
    next_probe: float = 0.0
    revision: int = 0

    def share(self, now: float) -> float:
        """Return the part of the usual rate that may start now, from 0 to 1."""
        match self.phase:
            case Phase.CLOSED:
                return 1.0
            case Phase.OPEN:
                return 0.0
        # When no order comes for hours, nobody closes it: after 1,024 doublings a float is too small.
        doublings = min(_DOUBLINGS_TO_ALL, (now - self.since) / DOUBLING_SECONDS)
        return float(min(1.0, FIRST_SHARE * 2**doublings))

    def may_probe(self, now: float) -> bool:
        """Tell whether it is time to try one order."""
        return self.phase is Phase.OPEN and now >= self.next_probe


class BreakerStore(Protocol):
    """Keeps the one breaker; both raise StoreUnavailable."""

    def read(self) -> Breaker:
        """Return it as of lately; a closed one when there is none."""
        ...

    def write(self, breaker: Breaker) -> bool:
        """Write it over the revision it was made from; False when another instance was first."""
        ...


def should_open(failed: Sequence[bool]) -> bool:
    """Tell from the last executions, newest last, whether the outside is down."""
    return sum(failed[-EXECUTIONS_WATCHED:]) >= FAILURES_TO_OPEN


def opened(breaker: Breaker, now: float, probe_seconds: float) -> Breaker:
    """Let nothing through until the first probe."""
    return _next(breaker, Phase.OPEN, now, now + probe_seconds)


def probing(breaker: Breaker, now: float, probe_seconds: float) -> Breaker:
    """Take the turn to probe: whoever writes this may start one order."""
    return replace(breaker, next_probe=now + probe_seconds, revision=breaker.revision + 1)


def ramping(breaker: Breaker, now: float) -> Breaker:
    """A probe came through."""
    return _next(breaker, Phase.RAMPING, now, 0.0)


def closed(breaker: Breaker, now: float) -> Breaker:
    """The usual rate is reached without a failure."""
    return _next(breaker, Phase.CLOSED, now, 0.0)


def _next(breaker: Breaker, phase: Phase, since: float, next_probe: float) -> Breaker:
    return Breaker(phase, since, next_probe, breaker.revision + 1)
