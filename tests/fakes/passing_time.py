"""Time that passes only while somebody sleeps."""

from __future__ import annotations


class PassingTime:
    """Seconds, as `time.monotonic` and `time.sleep` have them."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.seconds = 0.0

    def now(self) -> float:
        """Seconds since the beginning."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.seconds += seconds
