"""Failures that a test orders in advance, in the two kinds that matter: before the effect and after it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Fault:
    """How one call fails: `happened` tells whether it had its effect before the error."""

    error: Exception
    happened: bool = False


def nothing_happened(error: Exception) -> Fault:
    """The call fails before it has any effect."""
    return Fault(error)


def answer_lost(error: Exception) -> Fault:
    """The call has its effect and the caller does not hear of it."""
    return Fault(error, happened=True)


@dataclass(slots=True)
class Faults:
    """A fake's failures to come, by the name of the operation; None lets a call through. Thread-safe.

    `before` runs ahead of every call, outside of its effect: another execution may come in there.
    """

    before: Callable[[str], None] | None = None
    _planned: dict[str, deque[Fault | None]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, operation: str, *faults: Fault | None) -> None:
        """Let the next calls of an operation fail in this order."""
        with self._lock:
            self._planned[operation].extend(faults)

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """Wrap the effect of an operation."""
        if self.before:
            self.before(operation)
        with self._lock:
            planned = self._planned[operation]
            fault = planned.popleft() if planned else None
        if fault and not fault.happened:
            raise fault.error
        yield
        if fault:
            raise fault.error
