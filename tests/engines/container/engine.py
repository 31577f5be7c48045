"""Step Functions in a container: AWS's image, or one of moto where no image can be pulled.

`SFN_ENGINE` is `aws`, `moto` or, by default, `auto`: AWS's image if it is here or can be pulled, else moto's.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import boto3
import docker
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from docker.errors import APIError, ImageNotFound

from tests.engines.container.endpoint import Endpoint
from tests.engines.container.image import ensure_image, version
from tests.workflow.interpreter import REGION, Ended, Machines, describe, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from testcontainers.core.container import DockerContainer

AWS_IMAGE: Final = "amazon/aws-stepfunctions-local:2.0.1"
PORT: Final = 8083
ACCOUNT: Final = "123456789012"
START_SECONDS: Final = 60.0
RUN_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
# AWS's image has no setting for EventBridge's address, so there its call is mocked.
# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
MOCKED: Final = "EventIsTaken"
_MOCK_FILE: Final = "/home/StepFunctionsLocal/MockConfigFile.json"


class NoEngineError(Exception):
    """No image can be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """Which engine runs, from which image."""

    engine: str
    name: str
    version: str
    reason: str = ""


def choose_image(client: DockerClient, wanted: str) -> Image:
    """Find the image for a value of `SFN_ENGINE`.

    Raises:
        NoEngineError: AWS's image was asked for by name and cannot be pulled, or no such engine is known.
    """
    if wanted not in {"auto", "aws", "moto"}:
        raise NoEngineError(f"SFN_ENGINE is aws, moto or auto, not {wanted}")
    refused = ""
    if wanted != "moto":
        try:
            return _aws_image(client)
        except APIError as error:
            refused = f"{AWS_IMAGE} cannot be pulled: {error.explanation or error}"
    if wanted == "aws":
        raise NoEngineError(refused)
    return Image("moto", ensure_image(client), version(), refused)


def _aws_image(client: DockerClient) -> Image:
    try:
        found = client.images.get(AWS_IMAGE)
    except ImageNotFound:
        found = client.images.pull(AWS_IMAGE)
    return Image("aws", AWS_IMAGE, f"{AWS_IMAGE.rpartition(':')[2]} {found.short_id}")


@dataclass(slots=True)
class ContainerEngine:
    """A running container, and the endpoint that it calls for Lambda and EventBridge."""

    image: Image
    endpoint: Endpoint
    client: Any
    _machines: Machines = field(init=False)

    def __post_init__(self) -> None:
        """Create every definition once."""
        self._machines = Machines(self.client)

    def run(self, machine: dict[str, Any], command: dict[str, Any]) -> Ended:
        """Run one execution to its end."""
        arn = self._machines.arn_of(machine)
        started = start(self.client, f"{arn}#{MOCKED}" if self.image.engine == "aws" else arn, command)
        deadline = time.monotonic() + RUN_SECONDS
        while (ended := describe(self.client, started)).status == "RUNNING":
            assert time.monotonic() < deadline, f"{started} does not end"
            time.sleep(POLL_SECONDS)
        return ended


@contextmanager
def running_container() -> Iterator[ContainerEngine]:
    """Start the container that `SFN_ENGINE` asks for; needs a Docker daemon on this machine."""
    with closing(docker.from_env()) as client, TemporaryDirectory() as folder:
        image = choose_image(client, os.environ.get("SFN_ENGINE", "auto"))
        mocks = Path(folder) / "mocks.json"
        mocks.write_text(json.dumps(_mocks()), "utf-8")
        with (
            Endpoint(_address_for_containers(client)) as endpoint,
            _container(image, endpoint.port, mocks) as container,
        ):
            workflows = _client(f"http://127.0.0.1:{container.get_exposed_port(PORT)}")
            _wait(workflows, container)
            yield ContainerEngine(image, endpoint, workflows)


def _container(image: Image, endpoint_port: int, mocks: Path) -> DockerContainer:
    if image.engine == "moto":
        # Its reaper is an image to be pulled; without it the container is still removed at the end.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - it reads its settings then

    address = f"http://host.docker.internal:{endpoint_port}"
    container = (
        DockerContainer(image.name)
        .with_kwargs(extra_hosts={"host.docker.internal": "host-gateway"})
        .with_env("LAMBDA_ENDPOINT", address)
        .with_env("EVENTS_ENDPOINT", address)
        .with_env("AWS_DEFAULT_REGION", REGION)
        .with_env("AWS_ACCOUNT_ID", ACCOUNT)
        .with_env("AWS_ACCESS_KEY_ID", "testing")
        .with_env("AWS_SECRET_ACCESS_KEY", "testing")
    )
    # Published for this machine alone, which `with_exposed_ports` cannot say.
    container.ports[f"{PORT}/tcp"] = ("127.0.0.1", None)  # type: ignore[assignment] # Docker's own form
    if image.engine == "aws":
        container.with_env("SFN_MOCK_CONFIG", _MOCK_FILE)
        container.with_volume_mapping(str(mocks), _MOCK_FILE, "ro")
    return container


def _wait(workflows: Any, container: DockerContainer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            workflows.list_state_machines()
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                logs = b"".join(container.get_logs()).decode(errors="replace")
                raise NoEngineError(f"the container does not answer ({error}): {logs[-2000:]}") from error
            time.sleep(POLL_SECONDS)
        else:
            return


def _address_for_containers(client: DockerClient) -> str:
    """Return the address of this machine that `host.docker.internal` means inside of a container.

    On Linux it is the bridge's own address, which only this machine and its containers reach. Where Docker
    runs in a virtual machine, that one passes calls on to this machine's loopback.
    """
    if "Docker Desktop" in client.info().get("OperatingSystem", ""):
        return "127.0.0.1"
    bridge = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    # Docker 20 names no gateway for a bridge that it has just made: it is the first address of the network.
    return str(bridge.get("Gateway") or next(ip_network(bridge["Subnet"]).hosts()))


def _client(url: str) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )


def _mocks() -> dict[str, Any]:
    taken = {"0": {"Return": {"FailedEntryCount": 0, "Entries": [{"EventId": "mocked"}]}}}
    case = {"TestCases": {MOCKED: {"Publish": MOCKED}}}
    names = (f"process-order-{number}" for number in range(10))
    return {"StateMachines": dict.fromkeys(names, case), "MockedResponses": {MOCKED: taken}}
