"""Shows the phases of a long command: bars with counts and the time left, or lines where nobody watches."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orders.cli.console import Output

_LINE_SECONDS: Final = 15.0
_BAR_WIDTH: Final = 40
# The time left is told when a twentieth is done: a guess before that frightens people.
_SURE_OF: Final = 20
_SURE_AFTER_SECONDS: Final = 30.0


class PhaseBars:
    """One bar per phase on a terminal; elsewhere a line at each phase's end and every 15 seconds within.

    `now` (seconds) is replaceable. With a `clock` both tell at what time (UTC) the phase ends.
    """

    def __init__(
        self,
        output: Output,
        now: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._output = output
        self._now = now
        self._clock = clock
        self._progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(_BAR_WIDTH),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[left]}"),
            console=output.messages,
            disable=not output.messages.is_terminal,
            speed_estimate_period=20,
            get_time=now,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, name: str, total: int) -> Callable[[int], None]:
        """Begin a phase of so many things; what is returned hears how many of them are done."""
        if not self._output.messages.is_terminal:
            return _Lines(self._output, name, total, self._now, self._clock)
        task = self._progress.add_task(name, total=total, left="left")

        def tell(done: int) -> None:
            self._progress.update(task, completed=done)
            self._progress.update(task, left="" if done >= total else self._left(task))

        tell(0)
        return tell

    def _left(self, task: TaskID) -> str:
        (seconds,) = (t.time_remaining for t in self._progress.tasks if t.id == task)
        return "left" if seconds is None else "left" + _until(self._clock, seconds)

    def say(self, text: str) -> None:
        """Tell the person something, above the bars."""
        self._output.say(text)


class _Lines:
    """A phase as lines of a log."""

    def __init__(
        self,
        output: Output,
        name: str,
        total: int,
        now: Callable[[], float],
        clock: Callable[[], datetime] | None,
    ) -> None:
        self._output = output
        self._name = name
        self._total = total
        self._now = now
        self._clock = clock
        self._told = -1
        self._began = self._last = now()
        if not total:
            self(0)

    def __call__(self, done: int) -> None:
        if done <= self._told:
            return
        now = self._now()
        seconds = now - self._began
        if done >= self._total:
            self._told = done
            self._output.say(f"[green]✓[/] {self._name:<16} {done:>8,} {seconds:8.1f} s")
        elif now - self._last >= _LINE_SECONDS:
            sure, pace = done * _SURE_OF >= self._total, done / seconds
            if self._clock:  # a long phase that gets faster: the newest pace tells best, and soon
                sure, pace = seconds >= _SURE_AFTER_SECONDS, (done - max(0, self._told)) / (now - self._last)
            sure = sure and pace > 0
            self._last, self._told = now, done
            rest = (self._total - done) / pace if sure else 0.0
            left = f", about {rest:.0f} s left{_until(self._clock, rest)}" if sure else ""
            self._output.say(f"  {self._name:<16} {done:>8,} of {self._total:,}{left}")


def _until(clock: Callable[[], datetime] | None, seconds: float) -> str:
    """Name the time in so many seconds, if somebody tells the time."""
    return f", until {clock() + timedelta(seconds=seconds):%H:%M:%S} UTC" if clock else ""
