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
    said: list[str] = field(default_factory=list)

    def begin(self, name: str, total: int) -> Callable[[int], None]:
        """Begin a phase."""
        self.totals[name] = total
        self.told[name] = []
        return self.told[name].append

    def say(self, text: str) -> None:
        """Remember."""
        self.said.append(text)
