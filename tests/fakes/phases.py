"""Remembers how far every phase came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class HeardPhases:
    """By phase: of how many things, and every number that was told."""

    totals: dict[str, int] = field(default_factory=dict)
    told: dict[str, list[int]] = field(default_factory=dict)

    def begin(self, name: str, total: int) -> Callable[[int], None]:
        """Begin a phase."""
        self.totals[name] = total
        self.told[name] = []
        return self.told[name].append
