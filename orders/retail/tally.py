"""Counts what became of every row of the file: each is told once, imported or excluded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders.retail.file import Row, UnreadableRow


@dataclass(slots=True)
class Sum:
    """Rows and what they come to, in pennies."""

    rows: int = 0
    minor: int = 0

    def add(self, row: Row | UnreadableRow) -> None:
        """Count a row."""
        self.rows += 1
        self.minor += row.amount


@dataclass(slots=True)
class Tally:
    """`sales` are the rows of accepted orders, `returns` those of accepted refunds, with negative amounts."""

    sales: Sum = field(default_factory=Sum)
    returns: Sum = field(default_factory=Sum)
    excluded: dict[str, Sum] = field(default_factory=dict)
    excluded_rows: list[tuple[Row | UnreadableRow, str]] = field(default_factory=list)
    _told: set[int] = field(default_factory=set)

    def sell(self, rows: Iterable[Row]) -> None:
        """Count rows that became lines of an accepted order."""
        for row in rows:
            self._tell(row)
            self.sales.add(row)

    def give_back(self, rows: Iterable[Row]) -> None:
        """Count rows that became an accepted refund."""
        for row in rows:
            self._tell(row)
            self.returns.add(row)

    def exclude(self, row: Row | UnreadableRow, reason: str) -> None:
        """Count a row that is not imported."""
        self._tell(row)
        self.excluded.setdefault(reason, Sum()).add(row)
        self.excluded_rows.append((row, reason))

    @property
    def imported_rows(self) -> int:
        """Of orders and refunds."""
        return self.sales.rows + self.returns.rows

    @property
    def imported_minor(self) -> int:
        """Sales less refunds."""
        return self.sales.minor + self.returns.minor

    @property
    def excluded_count(self) -> int:
        """Rows of all reasons."""
        return sum(excluded.rows for excluded in self.excluded.values())

    @property
    def excluded_minor(self) -> int:
        """What the rows of all reasons come to."""
        return sum(excluded.minor for excluded in self.excluded.values())

    def _tell(self, row: Row | UnreadableRow) -> None:
        if row.number in self._told:
            raise ValueError(f"row {row.number} is counted twice")
        self._told.add(row.number)
