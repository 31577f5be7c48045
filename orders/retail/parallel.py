"""Does many small calls a few at a time, and stops at once when it has to."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

Job = TypeVar("Job")
Answer = TypeVar("Answer")

AT_ONCE: Final = 4
# So many are handed over ahead of time: enough to keep every thread busy, few enough to stop at once.
_AHEAD: Final = 4 * AT_ONCE


def do_all(
    jobs: Iterable[Job],
    do: Callable[[Job], Answer],
    done: Callable[[Job, Answer], None],
    stop: threading.Event,
) -> None:
    """Do every job; `done` hears each answer, in the calling thread.

    An error of a job, or whatever interrupts the caller, sets `stop`, waits for the calls that are under way
    and goes on to the caller.
    """
    running: dict[Future[Answer], Job] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for job in jobs:
                if len(running) >= _AHEAD:
                    _collect(running, done)
                running[pool.submit(do, job)] = job
            while running:
                _collect(running, done)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _collect(running: dict[Future[Answer], Job], done: Callable[[Job, Answer], None]) -> None:
    ended, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in ended:
        answer = future.result()
        done(running.pop(future), answer)
