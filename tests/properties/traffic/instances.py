"""Instances of dispatch that take batches from the queue, and are killed now and then."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from lambdas.services.dispatch_batch import DispatchBatch
from lambdas.services.pacing import Pacer
from tests.fakes.breaker import a_guard
from tests.fakes.remembering import Remembered
from tests.properties.traffic.queue import MAX_RECEIVES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.domain.workflow import Execution
    from tests.fakes.breaker import InMemoryBreaker
    from tests.properties.traffic.executions import Executions
    from tests.properties.traffic.queue import StandardQueue
    from tests.properties.traffic.turns import Job, Turns

P = ParamSpec("P")
T = TypeVar("T")

BATCH: Final = 10
# Shorter than deployed, so that all tries of a message may fall into one storm.
DELAYS: Final = (2, 10, 40)
# So many that the rate is never what orders wait for.
STARTS_PER_SECOND: Final = 1_000.0


class InstanceKilled(BaseException):
    """The instance's process is gone: nothing of it goes on."""


class TurnsPool(Executor):
    """An executor whose workers take turns with all other jobs."""

    def __init__(self, turns: Turns) -> None:
        """Take part in these turns."""
        self._turns = turns
        self._jobs: list[Job] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin a job."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except InstanceKilled as killed:
                future.set_exception(killed)

        self._jobs.append(self._turns.begin(work))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all jobs."""
        del wait, cancel_futures
        self._turns.wait_for(self._jobs)


@dataclass(slots=True)
class TurnsLock:
    """A lock that jobs wait for without keeping the turn."""

    turns: Turns
    _taken: bool = False

    def __enter__(self) -> None:
        """Wait for it, as a thread waits for a lock."""
        while self._taken:
            self.turns.sleep(0.0)
        self._taken = True

    def __exit__(self, *_: object) -> None:
        """Let the next one in."""
        self._taken = False


@dataclass(slots=True)
class Instance:
    """One instance with the real dispatcher; as a `Workflow` it hears of no end once it is `killed`."""

    queue: StandardQueue
    executions: Executions
    breaker: InMemoryBreaker
    killed: bool = False
    dispatch: DispatchBatch = field(init=False)

    def __post_init__(self) -> None:
        """Put the dispatcher together, as its handler does."""
        turns, pipeline = self.queue.turns, self.executions.pipeline
        guard = a_guard(turns.clock, self.breaker)
        guard._lock = TurnsLock(turns)  # type: ignore[assignment] # a thread's would stop all
        self.dispatch = DispatchBatch(
            workflow=self,
            orders=pipeline.orders,
            refunds=pipeline.refunds,
            queue=self.queue,
            guard=guard,
            pacer=Pacer(STARTS_PER_SECOND, now=lambda: turns.seconds, sleep=turns.sleep),
            now=turns.clock,
            max_receives=MAX_RECEIVES,
            delays=DELAYS,
            executor=lambda _workers: TurnsPool(turns),
            remember=Remembered().service(turns.clock),
        )

    def run(self, name: str, command: Mapping[str, object]) -> Execution:
        """Run an execution, if there is still somebody to hear of its end."""
        end = self.executions.run(name, command)
        if self.killed:
            raise InstanceKilled
        return end

    def take_batch(self, most: int) -> bool:
        """Receive and dispatch a batch; False when nothing was there."""
        batch = self.queue.receive(most)
        if not batch:
            return False
        self.killed = self.executions.happens("killed_instances")
        try:
            results = self.dispatch(batch)
        except InstanceKilled:
            self.killed = False
            return True
        if not self.executions.happens("lost_answers"):
            for result in results:
                if not result.keep:
                    self.queue.delete(result.message.receipt_handle)
        return True
