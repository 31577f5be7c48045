"""Jobs that overlap and are the same in every run: one runs at a time, and a seeded chance says which.

Each job is a thread, so that real services run in it as they are. It gives its turn away where it calls one
of the fakes; between two calls nobody comes in, since there nothing happens that others could see.
Time is simulated: it passes a little at each call, and jumps when all jobs sleep.
"""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from tests.fakes.clock import FakeClock

# How much time a call takes at most.
CALL_SECONDS: Final = 0.05


class Abandoned(BaseException):
    """The run is over for a failure elsewhere."""


@dataclass(eq=False, slots=True)
class Job:
    """Something that is done while others are; `calls` counts its calls to fakes.

    Before its call `stall[0]` it sleeps for `stall[1]` seconds: it is late.
    """

    work: Callable[[], None]
    stall: tuple[int, float] | None = None
    done: bool = False
    calls: int = 0
    waits_for: int = 0
    waiters: list[Job] = field(default_factory=list)
    gate: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin with a closed gate."""
        self.gate.acquire()


@dataclass(eq=False, slots=True)
class Turns:
    """Begins jobs and gives them their turns."""

    chance: random.Random
    clock: FakeClock
    _ready: list[Job] = field(default_factory=list)
    _asleep: list[tuple[float, int, Job]] = field(default_factory=list)
    _serial: int = 0
    _seconds: float = 0.0
    _alive: int = 0
    _current: Job | None = None
    _failure: BaseException | None = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        """How much time has passed."""
        return self._seconds

    def begin(self, work: Callable[[], None], stall: tuple[int, float] | None = None) -> Job:
        """Begin a job; it gets its first turn some time."""
        job = Job(work, stall)
        thread = threading.Thread(target=self._live, args=(job,), daemon=True)
        self._threads.append(thread)
        self._alive += 1
        thread.start()
        self._ready.append(job)
        return job

    def run(self) -> None:
        """Let all jobs come to their end; raises what one of them raised."""
        self._over.clear()
        self._hand_over(None)
        self._over.wait()
        assert not self._alive, "jobs wait for each other"
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._failure:
            raise self._failure

    def at_call(self) -> None:
        """Let others come in before a call of the present job; outside of a run nothing happens."""
        job = self._current
        if job is None:
            return
        job.calls += 1
        self._pass_time(self.chance.uniform(0, CALL_SECONDS))
        late = job.stall is not None and job.calls == job.stall[0]
        self.sleep(job.stall[1] if late and job.stall else 0.0)

    def sleep(self, seconds: float) -> None:
        """Give the turn away, for so long at least."""
        job = self._present()
        if seconds > 0:
            self._serial += 1
            heapq.heappush(self._asleep, (self._seconds + seconds, self._serial, job))
        else:
            self._ready.append(job)
        self._change(job)

    def wait_for(self, jobs: Iterable[Job]) -> None:
        """Give the turn away until these are done."""
        job = self._present()
        missing = [other for other in jobs if not other.done]
        if not missing:
            return
        job.waits_for = len(missing)
        for other in missing:
            other.waiters.append(job)
        self._change(job)

    def _present(self) -> Job:
        assert self._current is not None, "only a job can wait"
        return self._current

    def _live(self, job: Job) -> None:
        job.gate.acquire()
        try:
            if not self._failure:
                job.work()
        except Abandoned:
            pass
        except BaseException as failure:  # noqa: BLE001 - `run` raises it
            self._failure = self._failure or failure
        job.done = True
        self._alive -= 1
        for waiter in job.waiters:
            waiter.waits_for -= 1
            if not waiter.waits_for:
                self._ready.append(waiter)
        self._hand_over(job)

    def _change(self, job: Job) -> None:
        if not self._hand_over(job):
            job.gate.acquire()
        if self._failure:
            raise Abandoned

    def _hand_over(self, before: Job | None) -> bool:
        """Let the next job go on; True when it is the same again."""
        following = self._current = self._next()
        if following is None:
            self._over.set()
        elif following is before:
            return True
        else:
            following.gate.release()
        return False

    def _next(self) -> Job | None:
        """Choose from those that can go on; when all sleep, time passes until the first of them wakes up."""
        if not self._ready and self._asleep:
            wakes = max(self._seconds, self._asleep[0][0])
            self.clock.advance(wakes - self._seconds)
            self._seconds = wakes
        while self._asleep and self._asleep[0][0] <= self._seconds:
            self._ready.append(heapq.heappop(self._asleep)[2])
        if not self._ready:
            return None
        place = self.chance.randrange(len(self._ready))
        self._ready[place], self._ready[-1] = self._ready[-1], self._ready[place]
        return self._ready.pop()

    def _pass_time(self, seconds: float) -> None:
        self._seconds += seconds
        self.clock.advance(seconds)
