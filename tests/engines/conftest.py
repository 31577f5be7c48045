from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from orders.local.run import LocalRun, Ports
from tests.e2e.conftest import Pipeline as DeployedPipeline
from tests.e2e.conftest import free_ports
from tests.engines.container.endpoint import Outside
from tests.engines.container.engine import running_container
from tests.engines.deployed_stage import DeployedStage, switch_off_dispatch
from tests.engines.fakes_stage import FakesStage
from tests.fakes.pipeline import Pipeline
from tests.workflow.interpreter import Engine, Functions, Machines, running_machines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.engines.container.engine import ContainerEngine
    from tests.engines.stage import Definition, Stage
    from tests.workflow.interpreter import Ended


@pytest.fixture(scope="session")
def deployed() -> Iterator[DeployedPipeline]:
    """The pipeline from the whole template."""
    with LocalRun(Ports(*free_ports(4)), None, lambda *_: None, announce=False) as run:
        pipeline = DeployedPipeline(run.addresses)
        switch_off_dispatch(pipeline)
        yield pipeline


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    with running_machines() as running:
        yield running


@pytest.fixture
def moto_stage(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """moto's interpreter, in process."""
    pipeline = Pipeline()
    engine = Engine(pipeline, machines)
    engine.take_over(monkeypatch)

    def run(machine: Definition, command: dict[str, str]) -> Ended:
        engine.machine = machine
        return engine.run(**command)

    return FakesStage(pipeline, run)


@pytest.fixture
def embedded_stage(deployed: DeployedPipeline) -> Stage:
    """The embedded engine."""
    return DeployedStage(deployed, f"MUG-{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def container(record_testsuite_property: Callable[[str, object], None]) -> Iterator[ContainerEngine]:
    """Step Functions in a container; without Docker this fails."""
    with running_container() as engine:
        for name in ("engine", "version", "reason"):
            record_testsuite_property(f"container.{name}", getattr(engine.image, name))
        record_testsuite_property("container.image", engine.image.name)
        yield engine


@pytest.fixture
def container_stage(container: ContainerEngine) -> Stage:
    """The engine in the container."""
    pipeline = Pipeline()
    container.endpoint.outside = Outside(Functions(pipeline))
    return FakesStage(pipeline, container.run)
