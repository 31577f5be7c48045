"""The matrix: every boundary of every scenario with every fault that it can have, beside the clean run."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stacks.timeouts import VISIBILITY_SECONDS
from tests.faults.faults import FAULTS, STEP_FUNCTIONS
from tests.faults.observed import differences, observe
from tests.faults.parts import nothing
from tests.faults.wire import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.boundaries import Boundary
    from tests.faults.faults import Fault
    from tests.faults.observed import View
    from tests.faults.parts import Part
    from tests.faults.scenarios import Scenario
    from tests.faults.world import Saved, World


@dataclass(frozen=True, slots=True)
class Case:
    """A cell: the call with this number of a scenario fails so."""

    scenario: Scenario
    number: int
    boundary: Boundary
    fault: Fault

    def __str__(self) -> str:
        """Name it in one line."""
        return f"{self.scenario.name}, call {self.number}: {self.boundary}, {self.fault.name}"


@dataclass(frozen=True, slots=True)
class CleanRun:
    """A scenario without a fault: its calls, what it began with and what it led to."""

    scenario: Scenario
    start: Saved
    calls: tuple[Boundary, ...]
    view: View

    def cases(self) -> Iterator[Case]:
        """Yield all that could go wrong."""
        for number, boundary in enumerate(self.calls):
            for fault in FAULTS:
                if fault.applies_to(boundary):
                    yield Case(self.scenario, number, boundary, fault)

    def interleavings(self) -> Iterator[Interleaving]:
        """Yield all moments at which the same work can come once more."""
        received = False
        for number, boundary in enumerate(self.calls):
            repeatable = received or boundary.worker in {"ingest", "watchdog", "alert"}
            for happened in (False, True) if repeatable else ():
                for late in (False, True) if boundary.worker in STEP_FUNCTIONS else (False,):
                    yield Interleaving(self.scenario, number, boundary, happened, late)
            received = received or boundary.operation == "StartSyncExecution"


@dataclass(frozen=True, slots=True)
class Interleaving:
    """While a call of a scenario is made (or right after it `happened`) the same work is begun once more.

    `late`: the first worker stands still meanwhile, until its claim has run out and another one is through.
    """

    scenario: Scenario
    number: int
    boundary: Boundary
    happened: bool
    late: bool

    def __str__(self) -> str:
        """Name it in one line."""
        where = "after" if self.happened else "before"
        late = ", which then goes on late" if self.late else ""
        return f"{self.scenario.name}, the same once more {where} call {self.number}: {self.boundary}{late}"


@dataclass(slots=True)
class Matrix:
    """Runs cases in a world, and keeps what it found."""

    world: World
    clean: dict[str, CleanRun] = field(default_factory=dict)
    tried: list[Case] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    interleaved: int = 0

    def add(self, scenario: Scenario, empty: Saved) -> CleanRun:
        """Run a scenario undisturbed."""
        self.world.restore(empty)
        scenario.prepare(self.world)
        start = self.world.save()
        self._play(scenario, start, None)
        run = CleanRun(scenario, start, tuple(self.world.wire.calls), observe(self.world))
        self.clean[scenario.name] = run
        return run

    def try_out(self, case: Case) -> list[str]:
        """Run a case; return how the world differs from the undisturbed one."""
        run = self.clean[case.scenario.name]
        self.tried.append(case)
        return self._compare(run, str(case), Plan(case.number, case.fault))

    def interleave(self, moment: Interleaving) -> list[str]:
        """Begin the same work once more; return how the world differs from the undisturbed one."""
        run = self.clean[moment.scenario.name]
        self.interleaved += 1
        intruder = _Intruder(self.world, moment)

        def prepare(world: World) -> None:
            world.wire.on_call = intruder

        return self._compare(run, str(moment), None, prepare)

    def _compare(self, run: CleanRun, name: str, plan: Plan | None, prepare: Part = nothing) -> list[str]:
        try:
            self._play(run.scenario, run.start, plan, prepare)
            assert self.world.wire.struck, "the call was not made"
            differing = list(differences(run.view, observe(self.world)))
        except Exception as error:  # noqa: BLE001 - what broke the run is what is to be told
            differing = [f"{type(error).__name__}: {error}"]
        self.found += [f"{name}\n    {difference}" for difference in differing]
        return differing

    def _play(self, scenario: Scenario, start: Saved, plan: Plan | None, prepare: Part = nothing) -> None:
        random.seed(scenario.name)  # jitter is part of the run
        self.world.restore(start)
        self.world.wire.begin(plan)
        prepare(self.world)
        scenario.play(self.world)

    @property
    def summary_of_interleavings(self) -> str:
        """How often the same work came twice, in one line."""
        return f"twice at once: {self.interleaved:,} interleavings, {len(self.found):,} differences"

    @property
    def summary(self) -> str:
        """The matrix in one line."""
        boundaries = len({(case.scenario.name, case.number) for case in self.tried})
        faults = len({case.fault.name for case in self.tried})
        return (
            f"fault matrix: {boundaries:,} boundaries × {faults} faults = {len(self.tried):,} cases, "  # noqa: RUF001 - read by people
            f"{len(self.found):,} differences"
        )


@dataclass(slots=True)
class _Intruder:
    """Begins the same work once more at one moment, in another worker; the first then goes on."""

    world: World
    moment: Interleaving
    came: bool = False

    def __call__(self, number: int, happened: bool) -> None:
        """Hear of a call."""
        moment, world = self.moment, self.world
        if self.came or (number, happened) != (moment.number, moment.happened):
            return
        self.came = True
        assert world.wire.calls[number] == moment.boundary, "the runs part before the moment"
        world.workers.restart()  # what is under way keeps what it was made of
        if moment.late:
            world.time.sleep(VISIBILITY_SECONDS + 1)
        match moment.boundary.worker:
            case "ingest":
                world.ask_again()
            case "watchdog" | "alert" as function:
                world.run_once(function)
            case _:
                world.deliver_again()
