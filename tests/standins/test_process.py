"""The child process: start, stop, ports in use, SIGKILL, the end of its parent."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orders.local.standins.process import StandinsProcess, StandinsStartError
from orders.local.standins.remote import RemoteControl
from tests.e2e.conftest import free_ports
from tests.standins.payments import authorised, captured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standins.conftest import Library

# Starts the stand-ins, tells their pid, and waits to be killed.
PARENT = """
import sys
from pathlib import Path
from orders.local.standins.process import StandinsProcess
child = StandinsProcess(*map(int, sys.argv[1:4]), None, Path(sys.argv[4]))
child.start()
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[StandinsProcess]:
    """Running stand-ins with storage."""
    payment, warehouse, pagerduty = free_ports(3)
    running = StandinsProcess(payment, warehouse, pagerduty, tmp_path / "data", tmp_path / "standins.log")
    running.start()
    yield running
    running.stop()


def test_all_answer_and_stop_cleanly(child: StandinsProcess, tmp_path: Path) -> None:
    assert RemoteControl(child.payment_url).call("GET", "health")["stand_in"] == "payment"
    assert RemoteControl(child.warehouse_url).call("GET", "health")["stand_in"] == "warehouse"
    assert RemoteControl(child.pagerduty_url).call("GET", "health")["stand_in"] == "pagerduty"
    child.stop()
    child.stop()
    with pytest.raises(ConnectionRefusedError):
        RemoteControl(child.payment_url).call("GET", "health")
    assert (tmp_path / "standins.log").read_text() == ""


def test_storage_survives_sigkill(child: StandinsProcess, library: Library) -> None:
    client = library.client(child.payment_url)
    control = RemoteControl(child.payment_url)
    held, paid = authorised(client), captured(client)
    key = {"idempotency_key": "refund"}
    refund = client.v1.refunds.create({"payment_intent": paid.id}, key)  # type: ignore[arg-type]
    control.call("POST", "advance", {"seconds": 3600})
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.stop()
    child.start()
    assert client.v1.payment_intents.retrieve(held.id) == held
    assert client.v1.refunds.create({"payment_intent": paid.id}, key) == refund  # type: ignore[arg-type]
    assert control.call("GET", "intents")["totals"]["usd"]["refunded"] == 2000
    later = client.v1.payment_intents.create({"amount": 100, "currency": "usd"})
    assert later.created >= held.created + 3600


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_port_in_use_is_one_line(tmp_path: Path, taken: int) -> None:
    ports = free_ports(3)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", ports[taken]))
        holder.listen()
        child = StandinsProcess(ports[0], ports[1], ports[2], None, tmp_path / "standins.log")
        with pytest.raises(StandinsStartError, match=f"127.0.0.1:{ports[taken]}: Address already"):
            child.start()
    assert child.pid is None


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    ports = free_ports(3)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *map(str, ports), str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watched = os.pidfd_open(pid)
        parent.kill()
    try:
        ended = wait_for(watched, 10.0)
    finally:
        os.close(watched)
    assert ended


def wait_for(pidfd: int, seconds: float) -> bool:
    """Whether the process of the descriptor ended in time."""
    ready, _, _ = select.select([pidfd], [], [], seconds)
    return bool(ready)
