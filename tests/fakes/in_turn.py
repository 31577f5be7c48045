"""An executor without threads: what runs when is not left to the machine."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class InTurn(Executor):
    """Begins when all is submitted, and does one job after the other, in their order."""

    def __init__(self, max_workers: int = 1) -> None:
        """Take the number of workers, as `ThreadPoolExecutor` does; there is one."""
        del max_workers
        self._jobs: list[Callable[[], None]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Keep a job for later."""
        future: Future[T] = Future()
        self._jobs.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Do all jobs; what one raises is raised here."""
        del wait, cancel_futures
        for job in self._jobs:
            job()
