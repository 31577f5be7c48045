"""Executions that overlap, outlive those that wait for them, and have workers that come late."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from lambdas.domain.workflow import Execution, ExecutionState
from tests.properties.walk import FunctionTimedOut, Walk

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from tests.fakes.pipeline import Pipeline
    from tests.properties.traffic.turns import Turns
    from tests.properties.walk import Bus

T = TypeVar("T")

# How long a workflow waits for a worker, and how late such a worker may begin or go on: up to days would do.
PATIENCE_SECONDS: Final = (0.0, 1.0, 11.0)
LATE_SECONDS: Final = (0.0, 2.0, 20.0, 250.0, 1_500.0)
LATEST_CALL: Final = 8


@dataclass(slots=True)
class Mishaps:
    """How often, of all tries of a step or of all executions, something goes wrong beside the calls."""

    late_steps: float = 0.03
    not_started: float = 0.01
    lost_sight: float = 0.02
    timed_out: float = 0.004
    killed_instances: float = 0.03
    lost_answers: float = 0.02


@dataclass(slots=True)
class UnluckyWalk(Walk):
    """An execution some of whose workers go on after it has given them up."""

    executions: Executions = field(kw_only=True)

    def run_out(self) -> None:
        """Run to the end that nobody hears of."""
        self.finish()

    def _call(self, task: Callable[[], T]) -> T:
        others = self.executions
        if not others.happens("late_steps"):
            return task()
        answers: list[T] = []
        failures: list[Exception] = []

        def work() -> None:
            try:
                answers.append(task())
            except Exception as failure:  # noqa: BLE001 - whoever still waits hears of it
                failures.append(failure)

        chance = others.chance
        stall = chance.randint(1, LATEST_CALL), chance.choice(LATE_SECONDS)
        worker = others.turns.begin(work, stall)
        others.turns.sleep(chance.choice(PATIENCE_SECONDS))
        if failures:
            raise failures[0]
        if not worker.done:
            raise FunctionTimedOut("it goes on all the same")
        return answers[0]


@dataclass(slots=True)
class Executions:
    """Satisfies `Workflow`; `calm` executions have no mishaps. `happened` counts them."""

    pipeline: Pipeline
    bus: Bus
    turns: Turns
    chance: random.Random
    mishaps: Mishaps = field(default_factory=Mishaps)
    calm: bool = False
    happened: Counter[str] = field(default_factory=Counter)
    started: int = 0

    def run(self, name: str, command: Mapping[str, object]) -> Execution:
        """Run one execution, and perhaps not to its end."""
        if self.happens("not_started"):
            return Execution(ExecutionState.NOT_STARTED, "StartSyncExecution:ThrottlingException")
        self.started += 1
        facts = {key: str(value) for key, value in command.items()}
        walk = UnluckyWalk(self.pipeline, self.bus, facts, name, executions=self)
        if self.happens("lost_sight"):
            self.turns.begin(walk.run_out)
            self.turns.sleep(self.chance.choice(PATIENCE_SECONDS))
            return Execution(ExecutionState.UNKNOWN)
        while walk.end is None:
            walk.advance()
            if walk.end is None and self.happens("timed_out"):
                return Execution(ExecutionState.TIMED_OUT, "States.Timeout")
        return walk.end

    def happens(self, mishap: str) -> bool:
        """Let chance decide on a mishap."""
        if self.calm or self.chance.random() >= getattr(self.mishaps, mishap):
            return False
        self.happened[mishap] += 1
        return True
