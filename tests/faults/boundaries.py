"""A boundary: one call that the pipeline makes of the world outside its process, and where in the code."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

ROOT: Final = Path(__file__).parents[2]
LAMBDAS: Final = f"{ROOT / 'lambdas'}/"
# Where a worker's own frames end: in process, those of whoever invoked it lie below.
WORKERS: Final = str(Path(__file__).with_name("workers.py"))


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """A line of `lambdas/` that was being executed."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        """Name it as a reader looks for it; the line would change with every edit."""
        return f"{self.file.removeprefix('lambdas/')}:{self.function}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A call, as an undisturbed run makes it.

    `worker` is what makes it: a function, the state machine or the event source. `sites` are the lines of
    ours on the stack, the innermost first; none where the code is AWS's.
    """

    worker: str
    service: str
    operation: str
    target: str
    sites: tuple[Site, ...]

    def __str__(self) -> str:
        """Describe it in one line."""
        where = f" ({self.sites[0]})" if self.sites else ""
        return f"{self.worker} → {self.service} {self.operation} {self.target}".rstrip() + where


def sites_on_stack() -> tuple[Site, ...]:
    """Return the lines of the calling worker that led to this call."""
    frame: FrameType | None = sys._getframe(1)
    sites = []
    while frame is not None and frame.f_code.co_filename != WORKERS:
        code = frame.f_code
        if code.co_filename.startswith(LAMBDAS):
            file = code.co_filename[len(str(ROOT)) + 1 :]
            sites.append(Site(file, frame.f_lineno, code.co_qualname))
        frame = frame.f_back
    return tuple(sites)
