"""Every boundary x every fault: the world ends as if nothing had been. So it does when work comes twice.

The gate tries each distinct call of the outside with one fault, and with a repeat at one moment, drawn by a
fixed seed; `make chaos` tries every call of every scenario with all of them.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeVar

from tests.faults.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from tests.faults.matrix import Case, Interleaving, Matrix

C = TypeVar("C", "Case", "Interleaving")

CHAOS: Final = os.environ.get("ORDERS_CHAOS") == "1"
SEED: Final = 20261126
FAULTS_OF_A_BOUNDARY: Final = 1
MOMENTS_OF_A_BOUNDARY: Final = 1
PROGRESS_EVERY: Final = 250


def test_a_fault_at_any_boundary_changes_nothing_in_the_end(
    matrix: Matrix, record_property: Callable[[str, object], None]
) -> None:
    cases = every_case(matrix) if CHAOS else cases_of_the_gate(matrix)
    for case in told(matrix, "cases", cases):
        matrix.try_out(case)
    record_property("summary", matrix.summary)
    assert not matrix.found, "\n".join([matrix.summary, *matrix.found])


def test_the_same_work_twice_at_once_changes_nothing_in_the_end(
    matrix: Matrix, record_property: Callable[[str, object], None]
) -> None:
    moments = [moment for run in matrix.clean.values() for moment in run.interleavings()]
    sample = moments if CHAOS else a_sample(moments, MOMENTS_OF_A_BOUNDARY, lambda m: (m.happened, m.late))
    for moment in told(matrix, "interleavings", sample):
        matrix.interleave(moment)
    record_property("summary", matrix.summary_of_interleavings)
    assert not matrix.found, "\n".join([matrix.summary_of_interleavings, *matrix.found])


def test_the_gate_tries_every_boundary_and_every_fault(matrix: Matrix) -> None:
    tried = cases_of_the_gate(matrix)
    boundaries = {boundary for run in matrix.clean.values() for boundary in run.calls}
    assert {case.boundary for case in tried} == boundaries
    assert {case.fault for case in tried} == set(FAULTS)


def told(matrix: Matrix, what: str, cases: Sequence[C]) -> Iterator[C]:
    """Yield them, and say what each has found; with `make chaos`, which takes long, how far they are too."""
    for number, case in enumerate(cases, start=1):
        before = len(matrix.found)
        yield case
        for difference in matrix.found[before:]:
            sys.stderr.write(f"{difference}\n")
        if CHAOS and (number % PROGRESS_EVERY == 0 or number == len(cases)):
            sys.stderr.write(f"{number:,} of {len(cases):,} {what}\n")


def every_case(matrix: Matrix) -> list[Case]:
    return [case for run in matrix.clean.values() for case in run.cases()]


def cases_of_the_gate(matrix: Matrix) -> list[Case]:
    return a_sample(every_case(matrix), FAULTS_OF_A_BOUNDARY, lambda case: case.fault)


def a_sample(cases: Iterable[C], each: int, kind_of: Callable[[C], Hashable]) -> list[C]:
    """Draw so many cases of each distinct call, of the kinds that were drawn least."""
    drawn = random.Random(SEED)  # noqa: S311 - has to be the same each time
    by_boundary: dict[object, list[C]] = {}
    for case in cases:
        by_boundary.setdefault(case.boundary, []).append(case)
    uses: Counter[Hashable] = Counter()
    sample: list[C] = []
    for alike in by_boundary.values():
        shuffled = drawn.sample(alike, len(alike))
        for _ in range(min(each, len({kind_of(case) for case in alike}))):
            case = min(shuffled, key=lambda case: uses[kind_of(case)])
            uses[kind_of(case)] += 1
            shuffled = [other for other in shuffled if kind_of(other) != kind_of(case)]
            sample.append(case)
    return sample
