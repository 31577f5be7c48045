"""Faults by chance: a share of all calls fails, before or after its effect, some of them in storms.

In a storm every second call to one of the fakes fails, for some time: so tries are used up and messages die,
which single faults hardly ever bring about. Storms are rare enough to keep the share.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from tests.fakes.faults import Fault
from tests.properties.world import CALLS, WITHOUT_EFFECT

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from tests.fakes.faults import Faults
    from tests.properties.traffic.turns import Turns

STORM_RATE: Final = 0.5
STORM_CALLS: Final = 400
STORM_SECONDS: Final = 200.0
# The share of all faults that comes in storms.
IN_STORMS: Final = 0.3
# Every call that can fail: those of the workflow and the API, then those of dispatch and the watchdog.
UNCERTAIN: Final[Mapping[tuple[str, str], tuple[type[Exception], ...]]] = {
    **CALLS,
    **{("idempotency", operation): (ConnectionError,) for operation in ("get", "update", "delete")},
    ("orders", "give_back"): (StoreUnavailable,),
    ("refunds", "set_refund_aside"): (StoreUnavailable,),
    ("queue", "delay"): (QueueUnavailable,),
    ("queue", "waiting"): (QueueUnavailable,),
    **{("breaker", operation): (StoreUnavailable,) for operation in ("read", "write")},
    **{
        ("open_orders", operation): (StoreUnavailable,)
        for operation in ("oldest", "heads", "unfinished_round", "save_round")
    },
}


@dataclass(slots=True)
class Storm:
    """It hits one of the fakes, until it has seen so many calls or until a time."""

    fake: str
    ends: float
    calls_left: int = STORM_CALLS


@dataclass(slots=True)
class Weather:
    """Makes calls fail at a rate, until it is `calm`; counts the calls and what failed, by fake."""

    turns: Turns
    chance: random.Random
    rate: float
    calm: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    with_effect: int = 0
    storms: int = 0
    in_storms: int = 0
    _storm: Storm | None = None

    def over(self, fakes: Mapping[str, Faults]) -> None:
        """Stand before every call of the fakes, by their names."""
        for name, faults in fakes.items():
            faults.before = self._before(name, faults)

    @property
    def share(self) -> float:
        """The share of calls that failed."""
        return self.failed.total() / max(1, self.calls.total())

    def _before(self, name: str, faults: Faults) -> Callable[[str], None]:
        def before(operation: str) -> None:
            self.turns.at_call()
            if self.calm:
                return
            self.calls[name] += 1
            if self._fails(name):
                self.failed[name] += 1
                faults.plan(operation, self._fault(name, operation))

        return before

    def _fails(self, name: str) -> bool:
        """Decide on a call; a storm begins when the ones so far have not brought their share."""
        storm = self._storm
        if storm and (storm.calls_left <= 0 or storm.ends < self.turns.seconds):
            storm = self._storm = None
        due = self.calls.total() * IN_STORMS * self.rate - self.in_storms
        if not storm and due >= STORM_RATE * STORM_CALLS / 2:
            storm = self._storm = Storm(name, self.turns.seconds + STORM_SECONDS)
            self.storms += 1
        if not storm or storm.fake != name:
            return self.chance.random() < (1 - IN_STORMS) * self.rate
        storm.calls_left -= 1
        fails = self.chance.random() < STORM_RATE
        self.in_storms += fails
        return fails

    def _fault(self, name: str, operation: str) -> Fault:
        error = self.chance.choice(UNCERTAIN[name, operation])(f"{name} failed by chance")
        happened = self.chance.random() < 0.5 and not isinstance(error, WITHOUT_EFFECT)
        self.with_effect += happened
        return Fault(error, happened)
