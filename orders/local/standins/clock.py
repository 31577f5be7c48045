"""The stand-ins' clock: real time plus an offset that a control call can move forward."""

from __future__ import annotations

import time


class Clock:
    """Unix time in whole seconds, as Stripe's `created`, shifted by `offset` seconds."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset

    def now(self) -> int:
        """The present second since 1970, moved by the offset."""
        return int(time.time()) + self.offset

    def advance(self, seconds: int) -> None:
        """Move forward; time never goes back, or `created` would stop being an order.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time only moves forward")
        self.offset += seconds
