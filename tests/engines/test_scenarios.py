"""Every scenario on every engine: they must end alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from tests.engines.stage import Stage

ENGINES = ("moto", "container", "embedded")


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """The engine's stage."""
    made: Stage = request.getfixturevalue(f"{request.param}_stage")
    return made


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("stage", ENGINES, indirect=True)
def test_it_ends_as_on_every_engine(stage: Stage, scenario: Scenario) -> None:
    order_id, ended = scenario.play(stage)
    assert ended == scenario.ends
    assert stage.facts(order_id) == scenario.order
