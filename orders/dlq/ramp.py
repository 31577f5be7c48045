"""How fast a plan is applied: slowly at first, faster while all goes well, and no more when it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

START_RATE: Final = 1.0
DOUBLING_SECONDS: Final = 10.0
# So many seconds' worth of replays may be without an outcome: what a workflow takes at its slowest steps.
# When they take longer than that, the pipeline is behind, and more messages would only make its queue longer.
WINDOW_SECONDS: Final = 20.0
_SMALLEST_WINDOW: Final = 5
# After the canary so many may come back, plus one of so many that were concluded: single orders can be wrong
# where a group is right.
_ALLOWED_BACK: Final = 1
_ONE_OF: Final = 50


def comes_back(came_back: int, concluded: int) -> bool:
    """Tell whether too many of the concluded replays came back for the rest to be sent."""
    return came_back > _ALLOWED_BACK + concluded // _ONE_OF


@dataclass(slots=True)
class Ramp:
    """Starts at one a second and doubles every ten seconds up to `rate`; `now` is in seconds."""

    rate: float
    began: float
    _credit: float = 0.0
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self._at = self.began
        self._credit = 1.0

    def rate_at(self, now: float) -> float:
        """Return how many may begin a second."""
        return min(self.rate, START_RATE * 2 ** min(60, (now - self.began) // DOUBLING_SECONDS))

    def take(self, now: float, under_way: int) -> int:
        """Return how many may begin now, with so many under way; they count as begun."""
        rate = self.rate_at(now)
        self._credit = min(self._credit + (now - self._at) * rate, max(1.0, rate))
        self._at = now
        window = max(_SMALLEST_WINDOW, int(rate * WINDOW_SECONDS))
        allowed = max(0, min(int(self._credit), window - under_way))
        self._credit -= allowed
        return allowed
