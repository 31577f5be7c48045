from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.pipeline import Pipeline
from tests.workflow.interpreter import Engine, Machines, running_machines

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Refuse every socket, by pytest-socket: the engine runs in process."""


@pytest.fixture
def pipeline() -> Pipeline:
    """The services over fresh fakes."""
    return Pipeline()


@pytest.fixture(scope="package")
def machines() -> Iterator[Machines]:
    """moto's interpreter with the state machines created in it; off before other folders use moto."""
    with running_machines() as running:
        yield running


@pytest.fixture
def engine(pipeline: Pipeline, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The real definition, ready to run."""
    made = Engine(pipeline, machines)
    made.take_over(monkeypatch)
    return made
