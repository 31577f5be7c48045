"""The wire between the pipeline and the world: every call is remembered, and one of them goes wrong."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from tests.faults.boundaries import Boundary, sites_on_stack
from tests.faults.faults import MANY_DELIVERIES, Fault, FunctionEnded, Killed, Lasts, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Protests(Protocol[A_co]):
    """How a failure looks in one protocol: each method answers, or raises what the library would."""

    def lost(self) -> A_co:
        """No answer came in time."""

    def error(self) -> A_co:
        """The server failed."""

    def throttled(self) -> A_co:
        """There were too many requests."""

    def conflict(self) -> A_co:
        """Another transaction was at work on one of the items."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The call with this number (from 0) fails so."""

    number: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Accident:
    """At the next call of an operation (by this worker, if named) something happens, or it fails so."""

    operation: str
    fault: Fault | None
    worker: str = ""
    happening: Callable[[], object] = lambda: None

    def befalls(self, boundary: Boundary) -> bool:
        """Whether this is the call that it waits for."""
        return self.operation == boundary.operation and self.worker in {"", boundary.worker}


@dataclass(slots=True)
class Wire:
    """Carries calls; `tries` says how often the present call's library sends it at most."""

    calls: list[Boundary] = field(default_factory=list)
    worker: str = ""
    plan: Plan | None = None
    on_call: Callable[[int, bool], None] = lambda _number, _happened: None
    """Hears the number of each call before it is made, and after it had its effect."""
    accidents: list[Accident] = field(default_factory=list)
    """What goes wrong in the scenario itself, each once."""
    _aside: bool = False
    _fault: Fault | None = None
    _failing: Boundary | None = None
    _left: int = 0

    @contextmanager
    def on_behalf_of(self, worker: str) -> Iterator[None]:
        """Name who calls, while this lasts."""
        before, self.worker = self.worker, worker
        try:
            yield
        finally:
            self.worker = before

    @property
    def struck(self) -> bool:
        """Whether the planned call was made."""
        return self.plan is None

    @property
    def failing(self) -> bool:
        """Whether a fault is at work."""
        return self._fault is not None

    def carry(
        self,
        call: tuple[str, str, str],
        effect: Callable[[], A],
        protests: Protests[A],
        tries: int,
    ) -> A:
        """Make a call (service, operation, target), or fail as was planned."""
        if self._aside:
            return effect()
        boundary = Boundary(self.worker, *call, sites_on_stack())
        number = len(self.calls)
        self.calls.append(boundary)
        planned = self._fault_of(number, boundary, tries)
        accident = self._accident_to(boundary, may_fail=planned is None)
        fault = planned or accident
        self.on_call(number, False)
        if fault is None:
            answer = effect()
            self.on_call(number, True)
            return answer
        if fault.happened:
            effect()
        return _fail(fault, protests)

    def begin(self, plan: Plan | None = None) -> None:
        """Forget all calls, and let one of those to come fail."""
        self.mend()
        self.calls, self.plan, self.accidents = [], plan, []
        self.on_call = lambda _number, _happened: None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let those who look on or lend a hand call as well: nothing of theirs is remembered or fails."""
        before, self._aside = self._aside, True
        try:
            yield
        finally:
            self._aside = before

    def redelivered(self) -> None:
        """A message was received again: what lasted for a delivery is over."""
        if self._fault is not None and self._fault.lasts in {Lasts.ONE_DELIVERY, Lasts.DELIVERIES}:
            self._left -= 1
            if not self._left:
                self.mend()

    def mend(self) -> None:
        """Nothing fails any more."""
        self._fault, self._failing, self._left = None, None, 0

    def _accident_to(self, boundary: Boundary, *, may_fail: bool) -> Fault | None:
        """Let the next accident happen; one that is no failure happens beside a planned fault too."""
        for accident in self.accidents:
            if accident.befalls(boundary) and (may_fail or accident.fault is None):
                self.accidents.remove(accident)
                with self.aside():
                    accident.happening()
                return accident.fault
        return None

    def _fault_of(self, number: int, boundary: Boundary, tries: int) -> Fault | None:
        if self.plan is not None and number == self.plan.number:
            self._fault, self._failing, self.plan = self.plan.fault, boundary, None
            lasting = {Lasts.ONE_CALL: tries, Lasts.DELIVERIES: MANY_DELIVERIES}
            self._left = lasting.get(self._fault.lasts, 1)
        elif self._fault is None or boundary != self._failing:
            return None
        if self._fault.lasts in {Lasts.ONE_TRY, Lasts.ONE_CALL}:
            if not self._left:
                self.mend()
                return None
            self._left -= 1
        return self._fault


def _fail(fault: Fault, protests: Protests[A]) -> A:
    match fault.seen:
        case Seen.NOTHING_EVER:
            raise Killed
        case Seen.FUNCTION_ENDS:
            raise FunctionEnded
        case Seen.NO_ANSWER:
            return protests.lost()
        case Seen.ERROR:
            return protests.error()
        case Seen.THROTTLED:
            return protests.throttled()
        case Seen.CONFLICT:
            return protests.conflict()
