"""What a run of pytest wrote down, by engine, as a table."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ENGINE: Final = re.compile(r"\[(\w+)-")


@dataclass(slots=True)
class Row:
    """One engine and what ran on it; `not_run` says why nothing did."""

    engine: str
    version: str
    image: str
    what: str
    passed: int = 0
    failed: int = 0
    not_run: str = ""

    @property
    def result(self) -> str:
        """In a few words."""
        if self.not_run:
            return "[bold red]NOT RUN[/]"
        if self.failed or not self.passed:
            return f"[bold red]{self.failed} of {self.passed + self.failed} failed[/]"
        return f"{self.passed} passed"

    @property
    def good(self) -> bool:
        """Whether something ran and all of it passed."""
        return not self.not_run and not self.failed and self.passed > 0


@dataclass(slots=True)
class Results:
    """Counts by engine (the first word of a test's parameters; "" when it has none), and noted properties."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    properties: dict[str, str] = field(default_factory=dict)

    def tell(self, row: Row, engine: str) -> None:
        """Fill in what ran on an engine."""
        row.passed, row.failed = self.passed[engine], self.failed[engine]


def read(file: Path) -> Results:
    """Read a report in JUnit's XML; pytest wrote it."""
    results = Results()
    if not file.exists():
        return results
    root = ET.parse(file).getroot()  # noqa: S314 - our own
    for noted in root.iter("property"):
        results.properties[noted.get("name", "")] = noted.get("value", "")
    for case in root.iter("testcase"):
        found = (
            _ENGINE.search(case.get("name", "")) if "test_scenarios" in case.get("classname", "") else None
        )
        bad = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        (results.failed if bad else results.passed)[found[1] if found else ""] += 1
    return results


def table(rows: Iterable[Row]) -> Table:
    """Lay them out."""
    made = Table("ENGINE", "VERSION", "IMAGE", "WHAT RAN", "RESULT", box=None, pad_edge=False)
    for row in rows:
        made.add_row(row.engine, row.version, row.image, row.what, row.result)
    return made
