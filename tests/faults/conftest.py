from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.adapters.conftest import set_aws_environment
from tests.faults.matrix import CleanRun, Matrix
from tests.faults.scenarios import SCENARIOS
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.world import Saved


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """Functions and the world around them, in process; without a network, since nobody listens."""
    with pytest.MonkeyPatch.context() as patch:
        set_aws_environment(patch)
        patch.setattr(logging.getLogger("sqs"), "level", logging.WARNING)
        world = World.build(patch)
        yield world
        world.close()


@pytest.fixture(scope="package")
def empty(world: World) -> Saved:
    """The world with products, and nothing that has happened."""
    return world.save()


@pytest.fixture(scope="package")
def clean(world: World, empty: Saved) -> dict[str, CleanRun]:
    """All scenarios, run once without a fault."""
    matrix = Matrix(world)
    for scenario in SCENARIOS:
        matrix.add(scenario, empty)
    return matrix.clean


@pytest.fixture
def matrix(world: World, clean: dict[str, CleanRun]) -> Matrix:
    """The matrix with nothing tried yet."""
    return Matrix(world, clean)
