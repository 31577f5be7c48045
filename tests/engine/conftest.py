"""Two engines for the whole session: one mended, one as it is installed.

Each shim's test runs its scenario on both: the mended one must behave as AWS does, and the
unmended one must not, or the shim is no longer needed.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from orders.local.engine.process import EngineProcess
from tests.engine.cloud import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def free_port() -> int:
    """A TCP port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> Iterator[Cloud]:
    engine = EngineProcess(free_port(), None, folder / "engine.log", environment=environment)
    with engine:
        cloud = Cloud(engine.url)
        cloud.role("any")
        yield cloud


@pytest.fixture(scope="session")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The engine with all shims; four environments per function."""
    with running(tmp_path_factory.mktemp("mended"), ORDERS_ENGINE_WORKERS="4") as cloud:
        yield cloud


@pytest.fixture(scope="session")
def unmended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The engine as it is installed."""
    with running(tmp_path_factory.mktemp("unmended"), ORDERS_ENGINE_SHIMS="off") as cloud:
        yield cloud
