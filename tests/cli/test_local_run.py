"""`orders up` and `orders demo` as programs: what they leave behind, what they say when they cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orders.api_client import OrdersClient
from tests.e2e.bodies import body
from tests.e2e.conftest import PORT_OPTIONS, ended, free_ports, port_options

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

ORDERS = str(Path(sys.executable).parent / "orders")
START_SECONDS = 90
# For a test that starts two pipelines one after the other.
STOP_SECONDS = 30


class Up:
    """`orders up --json` in a process group of its own."""

    def __init__(self, *options: str, environment: dict[str, str] | None = None) -> None:
        """Start it on free ports."""
        self.ports = free_ports(4)
        ports = port_options(self.ports)
        # As a shell starts what runs in its background: SIGINT ignored, and the buffers that a pipe has.
        shell = ["/bin/sh", "-c", 'trap "" INT; unset PYTHONUNBUFFERED; exec "$@"', "sh"]
        self.process = subprocess.Popen(
            [*shell, ORDERS, "up", "--json", *ports, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    def url(self) -> str:
        """Wait until it serves."""
        assert self.process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, f"it ended: {self.process.communicate()}"
            text += line
        url: str = json.loads(text)["api_url"]
        return url

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to its whole group, as a terminal does, and wait."""
        os.killpg(self.process.pid, sent)
        self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the file by which commands find a pipeline from the one that a person runs in this project."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A TMPDIR of the test's own, which must be empty in the end."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    yield {"TMPDIR": str(folder)}
    # jsii caches its kernel's packages there for the next synthesis; that is its own affair.
    assert [p.name for p in folder.iterdir() if "jsii" not in p.name] == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_process_no_port_and_no_folder(
    sent: signal.Signals, temporary: dict[str, str]
) -> None:
    up = Up(environment=temporary)
    up.url()
    pids = descendants(up.process.pid)
    assert len(pids) > 2  # it, the engine and the stand-ins
    assert up.stop(sent) == 0
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    for port in up.ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, port


def test_data_keeps_orders_money_and_stock_across_a_restart(tmp_path: Path) -> None:
    demo = subprocess.run(
        [ORDERS, "demo", "--once", "--json", "--orders", "5", "--data", str(tmp_path / "data"), *_ports()],
        capture_output=True,
        text=True,
        timeout=START_SECONDS * 2,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    up = Up("--data", str(tmp_path / "data"))
    client = OrdersClient(up.url(), {"X-Orders-Client": "again"})
    try:
        order_id = client.submit(body(("MUG-BLUE", 1)), "after-restart").order["order_id"]
        assert ended(client, order_id)["status"] == "completed"
    finally:
        assert up.stop() == 0
    up = Up("--data", str(tmp_path / "data"))
    client = OrdersClient(up.url(), {"X-Orders-Client": "again"})
    try:
        assert [o["order_id"] for o in client.page()[0]] == [order_id]
        assert client.submit(body(("MUG-BLUE", 1)), "after-restart").replayed
    finally:
        assert up.stop() == 0


def test_demo_ends_with_a_report_for_programs() -> None:
    done = subprocess.run(
        [ORDERS, "demo", "--once", "--json", "--orders", "60", *_ports()],
        capture_output=True,
        text=True,
        timeout=START_SECONDS * 2,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["submitted"] == 60
    assert report["completed"] + report["rejected"] == 60
    assert (report["stuck"], report["ledger_balanced"]) == (0, True)
    assert report["refunded"] > 1
    assert report["captured_minor"] - report["refunded_minor"] == report["booked_minor"] > 0


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in PORT_OPTIONS:
            options = {**dict(zip(_ports()[::2], _ports()[1::2], strict=True)), option: str(port)}
            done = _up(*[text for pair in options.items() for text in pair])
            assert done.returncode == 1
            assert _only_error(done.stderr).startswith(f"orders: port {port} is in use")


def test_a_broken_data_folder_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    done = _up("--data", str(file), *_ports())
    assert done.returncode == 1
    assert str(file) in _only_error(done.stderr)


def test_no_node_is_one_clear_line(tmp_path: Path) -> None:
    """The synthesis that needs it is not there yet, as in a fresh clone."""
    environment = {**os.environ, "PATH": str(tmp_path), "ORDERS_BUILD": str(tmp_path / "build")}
    done = subprocess.run(
        [ORDERS, "up", *_ports()],
        capture_output=True,
        text=True,
        env=environment,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "Node.js" in _only_error(done.stderr)


def _ports() -> list[str]:
    return port_options(free_ports(4))


def _up(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ORDERS, "up", *options], capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


def _only_error(stderr: str) -> str:
    assert "Traceback" not in stderr
    (line,) = [text for text in stderr.splitlines() if not text.startswith("✓")]
    return line


def descendants(parent: int) -> set[int]:
    """Return a process and all its descendants."""
    found = {parent}
    table = subprocess.run(["/bin/ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    for row in table.splitlines()[1:]:
        pid, ppid = map(int, row.split())
        if ppid in found:
            found.add(pid)
    return found
