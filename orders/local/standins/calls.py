"""How often the stand-in was called, and how hard: the evidence for pacing and retry tests."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orders.local.standins.messages import Json

WINDOW_SECONDS = 1.0


class CallStatistics:
    """Counts per endpoint and per status, and the most calls in any one second.

    The peak is over a sliding window, not over calendar seconds, so a burst across the turn of a
    second is not halved. Control calls are not counted. Kept in memory only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._endpoints: Counter[str] = Counter()
            self._statuses: Counter[str] = Counter()
            self._window: deque[float] = deque()
            self._peak = 0

    def arrived(self, endpoint: str) -> None:
        """Count a call, named like `POST /v1/payment_intents/{id}/confirm`."""
        now = time.monotonic()
        with self._lock:
            self._endpoints[endpoint] += 1
            window = self._window
            window.append(now)
            while window[0] <= now - WINDOW_SECONDS:
                window.popleft()
            self._peak = max(self._peak, len(window))

    def answered(self, outcome: str) -> None:
        """Count an outcome: a status code, or `reset` for a connection that was cut."""
        with self._lock:
            self._statuses[outcome] += 1

    def snapshot(self) -> Json:
        """`{"calls", "peak_per_second", "endpoints": {name: n}, "outcomes": {status: n}}`."""
        with self._lock:
            return {
                "calls": self._endpoints.total(),
                "peak_per_second": self._peak,
                "endpoints": dict(sorted(self._endpoints.items())),
                "outcomes": dict(sorted(self._statuses.items())),
            }
