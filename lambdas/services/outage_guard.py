"""Decides for dispatch which orders may start while a service outside is down; learns from how they end."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.domain.breaker import (
    EXECUTIONS_WATCHED,
    Breaker,
    Phase,
    closed,
    opened,
    probing,
    ramping,
    should_open,
)
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.workflow import Execution, ExecutionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.breaker import BreakerStore

_OUTSIDE_ERRORS: Final = frozenset({"ProviderUnavailable", "PaymentOutcomeUnknown", "WarehouseUnavailable"})
# The steps that call the outside: killed at their timeout, they waited for it.
_OUTSIDE_STEPS: Final = frozenset({"authorise", "fulfil", "release", "capture", "reject", "refund"})
_TIMEOUTS: Final = frozenset({"States.Timeout", "Sandbox.Timedout"})
# They end well without having asked anybody.
_NO_EVIDENCE: Final = frozenset({"already_ended"})
# They ended before they could ask anybody, or by what every order would end by (a key that is refused).
_NO_WAY_BACK: Final = frozenset({"OrderBusy", "StoreUnavailable", "ProviderRefused"})


class Admission(StrEnum):
    """What may become of a received message."""

    START = "start"
    PROBE = "probe"
    PARK = "park"


class Change(StrEnum):
    """What an execution's end did to the breaker, for logs and alarms."""

    OPENED = "opened"
    OPENED_AGAIN = "opened_again"
    PROBE_FAILED = "probe_failed"
    RAMPING = "ramping"
    CLOSED = "closed"


def blames_outside(execution: Execution) -> bool:
    """Tell whether an execution failed because a service outside did not answer."""
    if execution.state is ExecutionState.SUCCEEDED:
        return False
    if execution.error_class in _OUTSIDE_ERRORS:
        return True
    return execution.step in _OUTSIDE_STEPS and execution.error_class in _TIMEOUTS


@dataclass(slots=True)
class OutageGuard:
    """One instance's view of the shared breaker; `now` is epoch seconds. Thread-safe.

    A store that does not answer counts as closed: the breaker saves load, nothing rests on it.
    """

    store: BreakerStore
    probe_seconds: float
    now: Callable[[], float]
    _breaker: Breaker = field(default_factory=Breaker)
    _failed: deque[bool] = field(default_factory=lambda: deque(maxlen=EXECUTIONS_WATCHED))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> None:
        """Read the breaker for a batch."""
        with self._lock:
            try:
                self._breaker = self.store.read()
            except StoreUnavailable:
                self._breaker = Breaker()

    def share(self) -> float:
        """Return the part of the usual rate that may start now."""
        with self._lock:
            return self._breaker.share(self.now())

    def admit(self) -> Admission:
        """Let a message start, probe or wait."""
        with self._lock:
            breaker, now = self._breaker, self.now()
            if breaker.phase is not Phase.OPEN:
                return Admission.START
            if breaker.may_probe(now) and self._write(probing(breaker, now, self.probe_seconds)):
                return Admission.PROBE
            return Admission.PARK

    def learn(self, execution: Execution, admission: Admission) -> Change | None:
        """Hear how an execution ended; return what that did to the breaker, when this instance did it."""
        failed = blames_outside(execution)
        probe = admission is Admission.PROBE
        if not (failed or _proves_health(execution) or (probe and _failed_by_itself(execution))):
            return None
        with self._lock:
            now = self.now()
            if probe:
                return self._learn_from_probe(failed=failed, now=now)
            self._failed.append(failed)
            return self._learn_from_order(failed=failed, now=now)

    def _learn_from_probe(self, *, failed: bool, now: float) -> Change | None:
        if failed:
            return Change.PROBE_FAILED  # its turn was taken with the time of the next one
        self._failed.clear()
        return Change.RAMPING if self._write(ramping(self._breaker, now)) else None

    def _learn_from_order(self, *, failed: bool, now: float) -> Change | None:
        phase = self._breaker.phase
        if phase is Phase.CLOSED and failed and should_open(list(self._failed)):
            return self._open(now, Change.OPENED)
        if phase is Phase.RAMPING and failed:
            return self._open(now, Change.OPENED_AGAIN)
        if phase is Phase.RAMPING and self._breaker.share(now) >= 1:
            return Change.CLOSED if self._write(closed(self._breaker, now)) else None
        return None

    def _open(self, now: float, change: Change) -> Change | None:
        self._failed.clear()
        return change if self._write(opened(self._breaker, now, self.probe_seconds)) else None

    def _write(self, breaker: Breaker) -> bool:
        try:
            written = self.store.write(breaker)
        except StoreUnavailable:
            return False
        if written:
            self._breaker = breaker
        return written


def _failed_by_itself(execution: Execution) -> bool:
    """Tell whether one that the outside is not blamed for failed by its own order, as by a voided payment.

    The way back begins after such a probe too, and one failure of the outside ends it. Or a breaker without
    any other order would stay open, and park this one again and again instead of letting it die.
    """
    return execution.state is ExecutionState.FAILED and execution.error_class not in _NO_WAY_BACK


def _proves_health(execution: Execution) -> bool:
    if execution.state is not ExecutionState.SUCCEEDED:
        return False
    step = execution.output.get("step") or {}
    return step.get("outcome") not in _NO_EVIDENCE
