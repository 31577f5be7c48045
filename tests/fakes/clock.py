"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lambdas.domain.timestamps import to_text

START = datetime(2026, 3, 14, 9, 26, 53, 589_000, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """Satisfies `lambdas.domain.timestamps.Clock`."""

    moment: datetime = START

    def __call__(self) -> datetime:
        """Return the present."""
        return self.moment

    @property
    def text(self) -> str:
        """The present as it is stored."""
        return to_text(self.moment)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)
