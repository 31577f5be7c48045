"""Faults that a control call orders: what the next calls suffer, and when.

A rule hits the next `count` calls that match it. Rules are tried in the order in which they
were made, and one call suffers one fault. They live in memory: a restart clears them.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.local.standins.messages import Json


class FaultKind(StrEnum):
    """What happens to the call. "Effect" is what the call changes, e.g. the charge."""

    HANG_BEFORE = "hang_before"  # no effect; silent for `seconds`, then the connection is cut
    HANG_AFTER = "hang_after"  # the effect, then silent for `seconds`, then the answer
    SLOW = "slow"  # still running for `seconds` (its key is in use), then effect and answer
    RESET_BEFORE = "reset_before"  # no effect; the connection is cut
    RESET_AFTER = "reset_after"  # the effect; the connection is cut
    TORN = "torn"  # the effect; the answer breaks off in its middle
    GARBLED = "garbled"  # the effect; the answer is 200 with a page that is no JSON
    RATE_LIMIT = "rate_limit"  # no effect; 429 with Retry-After
    ERROR_BEFORE = "error_before"  # no effect; `status`
    ERROR_AFTER = "error_after"  # the effect, yet the answer is `status` (500: also a replay's)


@dataclass(slots=True)
class Fault:
    """One rule. `method`, `path` (`*` is one segment) and `order_id` narrow what it hits."""

    kind: FaultKind
    count: int = 1
    skip: int = 0
    method: str | None = None
    path: str | None = None
    order_id: str | None = None
    seconds: float = 30.0
    status: int = 500
    retry_after: int = 1

    def __post_init__(self) -> None:
        self.kind = FaultKind(self.kind)
        if self.count < 1 or self.skip < 0 or self.seconds < 0:
            raise ValueError("count is at least 1, skip and seconds are not negative")
        if not 500 <= self.status <= 599:  # noqa: PLR2004 - the class of HTTP server errors
            raise ValueError("status is a 5xx")

    def covers(self, method: str, path: str) -> bool:
        """Whether method and path match; the order is looked at by the caller."""
        if self.method is not None and self.method != method:
            return False
        if self.path is None:
            return True
        pattern = re.escape(self.path).replace(r"\*", "[^/]+")
        return re.fullmatch(pattern, path) is not None

    @property
    def fails_before_effect(self) -> bool:
        """Whether the endpoint itself answers with `status` and changes nothing."""
        return self.kind is FaultKind.ERROR_BEFORE

    @property
    def fails_after_effect(self) -> bool:
        """Whether the endpoint works and then answers with `status`."""
        return self.kind is FaultKind.ERROR_AFTER


class FaultPlan:
    """The rules in force, an outage, and a latency for every call. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """No faults, no outage, no latency."""
        with self._lock:
            self._rules: list[Fault] = []
            self._down_until = 0.0
            self._down_status: int | None = None
            self._latency = 0.0

    def add(self, fault: Fault) -> None:
        """Put a rule behind those that wait."""
        with self._lock:
            self._rules.append(fault)

    def go_down(self, seconds: float, status: int | None) -> None:
        """Be down from now: `status` to every call, or with None a cut connection."""
        with self._lock:
            self._down_until = time.monotonic() + seconds
            self._down_status = status

    def come_up(self) -> None:
        """End an outage early."""
        with self._lock:
            self._down_until = 0.0

    def set_latency(self, seconds: float) -> None:
        """Hold every call for this long before it starts."""
        with self._lock:
            self._latency = max(0.0, seconds)

    @property
    def latency(self) -> float:
        """Seconds that every call is held."""
        return self._latency

    @property
    def outage(self) -> tuple[bool, int | None]:
        """Whether the stand-in is down, and the status that it answers then."""
        down = self._down_until > 0.0 and time.monotonic() < self._down_until
        return down, self._down_status

    def take(self, method: str, path: str, order_id: Callable[[], str | None]) -> Fault | None:
        """The fault that this call suffers, used up by one; `order_id` is asked only if needed."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if not rule.covers(method, path):
                    continue
                if rule.order_id is not None and rule.order_id != order_id():
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.count -= 1
                if rule.count == 0:
                    self._rules.remove(rule)
                return rule
        return None

    def snapshot(self) -> Json:
        """`{"faults": [rule], "down_for": seconds, "latency": seconds}`."""
        with self._lock:
            return {
                "faults": [asdict(rule) for rule in self._rules],
                "down_for": round(max(0.0, self._down_until - time.monotonic()), 3),
                "latency": self._latency,
            }
