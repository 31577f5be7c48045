"""UTC timestamps with milliseconds, in the one form that is stored and shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present as an aware UTC time."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """Format as RFC 3339 in UTC with milliseconds; such texts sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Parse what `to_text` wrote."""
    return datetime.fromisoformat(text)
