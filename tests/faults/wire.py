"""Everything that leaves a function passes here, is written down, and goes wrong where a test says so."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from stacks.packaging.artefacts import PROJECT
from tests.faults.kinds import EverythingDied, Kind, Lasts, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from tests.faults.kinds import Fault

T = TypeVar("T")

LAMBDAS: Final = str(Path(PROJECT) / "lambdas")
# They carry the calls of others: who calls them is whose call it is.
CARRIERS: Final = ("stripe_api.py", "http_pool.py", "clients.py")


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it leaves: to whom, for what, on what, and the line of ours that makes it.

    `place` is `file:line` under `lambdas/`, `caller` the function that this line's function serves, and
    `in_a_step` tells whether a step of the workflow makes it.
    """

    service: str
    operation: str
    target: str
    place: str
    caller: str
    in_a_step: bool

    @property
    def line(self) -> str:
        """What is called from which line, whoever wants it."""
        return f"{self.service}.{self.operation} {self.target} at {self.place}"

    def __str__(self) -> str:
        """Name it for a report."""
        return f"{self.line} for {self.caller}"


@dataclass(slots=True)
class Wire:
    """`calls` are all that were made since the last `begin`; one of them may be planned to go wrong."""

    calls: list[Call] = field(default_factory=list)
    step: bool = False
    places: set[str] = field(default_factory=set)
    """Every line that ever called."""
    _planned: tuple[int, Fault] | None = None
    _interrupt: tuple[int, Callable[[], None]] | None = None
    _broken: tuple[Call, Fault] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Forget what was."""
        self.calls = []
        self._broken = self._planned = self._interrupt = None

    def disturb(self, at: int, fault: Fault) -> None:
        """Let the call of this number go wrong, counted from `begin`."""
        self._planned = (at, fault)

    def interrupt(self, at: int, action: Callable[[], None]) -> None:
        """Let something else happen just before the call of this number."""
        self._interrupt = (at, action)

    @property
    def interrupted(self) -> bool:
        """Whether that has happened."""
        return self._interrupt is None

    def mend(self) -> None:
        """What lasted until the redelivery is over."""
        self._broken = None

    def through(
        self,
        service: str,
        operation: str,
        target: str,
        send: Callable[[], T],
        fail: Callable[[Kind], T],
    ) -> T:
        """Make the call with `send`, or let it go wrong; `fail` answers with an error or raises it."""
        place, caller = ("the workflow", "") if service == "events" else _place()
        call = Call(service, operation, target, place, caller, self.step)
        self._let_in(len(self.calls))
        kind = self._fate(call)
        if kind is None:
            return send()
        if kind.happened:
            send()
        if kind in {Kind.CUT_BEFORE, Kind.CUT_AFTER}:
            raise EverythingDied
        if kind.kills:
            raise WorkerDied
        return fail(kind)

    def _let_in(self, number: int) -> None:
        if self._interrupt and self._interrupt[0] == number:
            action, step = self._interrupt[1], self.step
            self._interrupt = None
            action()
            self.step = step

    def _fate(self, call: Call) -> Kind | None:
        with self._lock:
            number = len(self.calls)
            self.calls.append(call)
            self.places.add(call.place)
            if self._planned and self._planned[0] == number:
                fault = self._planned[1]
                self._broken = None if fault.lasts is Lasts.ATTEMPT else (call, fault)
                return fault.kind
            if self._broken and self._broken[0] == call:
                fault = self._broken[1]
                if fault.lasts is Lasts.CALL:
                    self._broken = None
                return fault.kind
        return None


def _place() -> tuple[str, str]:
    ours = (f for f in _frames(sys._getframe(2)) if _is_ours(f.f_code.co_filename))
    frame = next(ours)
    caller = next(ours, None)
    place = f"{frame.f_code.co_filename[len(LAMBDAS) + 1 :]}:{frame.f_lineno}"
    return place, caller.f_code.co_name if caller else ""


def _is_ours(file: str) -> bool:
    return file.startswith(LAMBDAS) and not file.endswith(CARRIERS)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
