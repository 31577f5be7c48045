"""The matrix: every call of every scenario, times all that can happen to it, and the world afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.faults.kinds import CONFLICTING, Fault, Kind, Lasts, faults_of
from tests.faults.site import NeverEnds
from tests.faults.world import World, differences, look

SEED: Final = 20_261_126
PROGRESS_EVERY: Final = 250
LEADING_FURTHER: Final = (Fault(Kind.LOST, Lasts.CALL), Fault(Kind.CONFLICT))

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator

    from tests.faults.scenarios import Scenario
    from tests.faults.site import Site
    from tests.faults.wire import Call, Wire


@dataclass(frozen=True, slots=True, eq=False)
class Clean:
    """A scenario without a fault: the calls that it makes, and what is left of it."""

    scenario: Scenario
    calls: tuple[Call, ...]
    world: World


@dataclass(frozen=True, slots=True)
class Case:
    """One call of a scenario, and what happens to it."""

    clean: Clean
    number: int
    fault: Fault

    @property
    def call(self) -> Call:
        """The call."""
        return self.clean.calls[self.number]

    def __str__(self) -> str:
        """Name it for a report."""
        return f"{self.clean.scenario.name}, call {self.number} ({self.call}): {self.fault}"


@dataclass(slots=True)
class Report:
    """What was tried, and what came out differently."""

    cases: int = 0
    boundaries: set[tuple[str, int]] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    found: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        return (
            f"fault matrix: {len(self.boundaries)} boundaries x {len(self.faults)} faults ="
            f" {self.cases} cases, {len(self.found)} differences"
        )


def play(site: Site, scenario: Scenario, disturb: Callable[[Wire], None] | None = None) -> World:
    """Play a scenario from an empty world to its end; raises NeverEnds."""
    site.begin(scenario.stock)
    if disturb:
        disturb(site.wire)
    scenario.play(site, site.new_key(scenario.name))
    calls = site.wire.calls
    world = look(site)
    site.wire.calls = calls
    return world


def play_clean(site: Site, scenario: Scenario) -> Clean:
    """Play a scenario without a fault."""
    world = play(site, scenario)
    return Clean(scenario, tuple(site.wire.calls), world)


def all_cases(clean: Clean) -> Iterator[Case]:
    """Yield every call times every fault."""
    for number, call in enumerate(clean.calls):
        for fault in faults_of(call.service, call.operation, in_a_step=call.in_a_step):
            yield Case(clean, number, fault)


def sample(clean: Iterable[Clean], chance: random.Random) -> list[Case]:
    """Choose one case of every line that calls, in the shortest scenario that has it.

    Of a transaction also, for each that makes it, what leads to further calls: that its answer is lost, and
    that it is cancelled.
    """
    by_line: dict[str, list[Case]] = {}
    further: dict[tuple[Call, Fault], Case] = {}
    for case in (c for one in sorted(clean, key=lambda one: len(one.calls)) for c in all_cases(one)):
        cases = by_line.setdefault(case.call.line, [])
        if not cases or cases[0].clean is case.clean:
            cases.append(case)
        if case.call.operation in CONFLICTING and case.fault in LEADING_FURTHER:
            further.setdefault((case.call, case.fault), case)
    return list(dict.fromkeys([*map(chance.choice, by_line.values()), *further.values()]))


def run(site: Site, cases: Iterable[Case], tell: Callable[[str], None]) -> Report:
    """Try the cases; `tell` hears how far it has come."""
    report = Report()
    for case in cases:
        report.cases += 1
        report.boundaries.add((case.clean.scenario.name, case.number))
        if report.cases % PROGRESS_EVERY == 0:
            tell(f"{report.cases} cases, {len(report.found)} differences")
        report.faults.add(str(case.fault))
        report.found += [f"{case}: {what}" for what in _try(site, case)]
    return report


def _try(site: Site, case: Case) -> list[str]:
    try:
        world = play(site, case.clean.scenario, lambda wire: wire.disturb(case.number, case.fault))
    except NeverEnds as error:
        return [str(error)]
    if len(site.wire.calls) <= case.number or site.wire.calls[case.number] != case.call:
        return ["the call was not made"]
    return differences(case.clean.world, world)
