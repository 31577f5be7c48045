"""A Docker daemon: the one that runs, else one of our own until the end of the tests.

Our own has its socket, its state and its images in folders of ours. It changes no firewall rules: a container
reaches this machine over the bridge, Docker's proxy passes on a published port, and nothing else is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import docker
from docker.errors import DockerException

from tests.engines.machine.packages import NotAvailableError, install

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
BRIDGE: Final = Path("/sys/class/net/docker0")


@contextmanager
def docker_daemon(folder: Path) -> Iterator[str]:
    """Yield the version of a daemon that the environment points to; ours keeps its images in `folder`.

    Raises:
        NotAvailableError: none runs, and none can be started here.
    """
    if version := _version():
        yield version
        return
    if not shutil.which("dockerd"):
        install("docker.io", "a Docker daemon")
    if os.geteuid() != 0:
        raise NotAvailableError("no Docker daemon answers, and only root may start one")
    folder.mkdir(parents=True, exist_ok=True)
    had_bridge = BRIDGE.exists()
    # Sockets have short names.
    with tempfile.TemporaryDirectory(prefix="dockerd-") as state:
        process = _start(Path(state), folder)
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = f"unix://{state}/docker.sock"
        try:
            yield _wait(process, folder)
        finally:
            _stop(process)
            if not had_bridge and shutil.which("ip"):
                subprocess.run(["ip", "link", "delete", BRIDGE.name], check=False, capture_output=True)
            if before is None:
                del os.environ["DOCKER_HOST"]
            else:
                os.environ["DOCKER_HOST"] = before


def _start(state: Path, folder: Path) -> subprocess.Popen[bytes]:
    options = {
        "host": f"unix://{state}/docker.sock",
        "data-root": folder.resolve() / "docker",
        "exec-root": state / "exec",
        "pidfile": state / "docker.pid",
        "iptables": "false",
        "ip6tables": "false",
        "ip-forward": "false",
        "ip-masq": "false",
    }
    command = ["dockerd", *(f"--{name}={value}" for name, value in options.items())]
    with (folder / "dockerd.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not (version := _version()):
        if process.poll() is not None or time.monotonic() > deadline:
            told = (folder / "dockerd.log").read_text(errors="replace")[-1000:]
            raise NotAvailableError(f"dockerd does not start here: {told}")
        time.sleep(0.1)
    return version


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _version() -> str | None:
    try:
        client = docker.from_env(timeout=10)
    except DockerException:
        return None
    try:
        return str(client.version()["Version"])
    except (DockerException, OSError):
        return None
    finally:
        client.close()
