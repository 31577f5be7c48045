"""The engine as a child process."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orders.local.engine.data_folder import current_state
from orders.local.engine.errors import DataFolderError, EngineDiedError, PortInUseError
from orders.local.engine.process import EngineProcess
from tests.engine.cloud import Cloud, allow
from tests.engine.conftest import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.engine

PID = """
    import os, pathlib, time
    def handle(event, context):
        if event:
            pathlib.Path("hangs").touch()
            time.sleep(event)
        return {"pid": os.getpid(), "folder": os.getcwd()}
"""


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.02)
    return True


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A zombie whose parent is gone may wait for its reaper: it runs no more.
    return _state(pid) == "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} is in use"):
            EngineProcess(port, None, tmp_path / "log").start()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(DataFolderError, match="cannot be written"):
        EngineProcess(free_port(), tmp_path / "data", tmp_path / "log").start()


def test_damaged_state_is_refused_and_kept(tmp_path: Path) -> None:
    damaged = tmp_path / "data" / "state" / "dynamodb.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text('{"half": ')
    with pytest.raises(DataFolderError, match=r"dynamodb\.json cannot be read"):
        EngineProcess(free_port(), tmp_path / "data", tmp_path / "log").start()
    assert damaged.read_text() == '{"half": '


def test_an_engine_that_cannot_start_says_why(tmp_path: Path) -> None:
    engine = EngineProcess(
        free_port(), None, tmp_path / "log", environment={"LOG_LEVEL": "0", "GATEWAY_PORT": "x"}
    )
    with pytest.raises(EngineDiedError, match="invalid literal for int"):
        engine.start()
    assert engine.pid is None


def test_nothing_is_left_after_a_stop(tmp_path: Path) -> None:
    port = free_port()
    engine = EngineProcess(port, None, tmp_path / "log")
    with engine:
        cloud = Cloud(engine.url)
        cloud.role("any")
        function = cloud.function(PID)
        worker, _ = cloud.invoke(function)
        pid = engine.pid
        assert pid is not None
        with pytest.raises(PortInUseError):
            EngineProcess(port, None, tmp_path / "other-log").start()
    assert is_gone(pid)
    assert eventually(lambda: is_gone(worker["pid"]))
    assert not Path(worker["folder"]).parents[1].exists()
    with EngineProcess(port, None, tmp_path / "log"):  # the port is free at once
        pass


def test_a_stop_does_not_wait_for_a_function_that_hangs(tmp_path: Path) -> None:
    engine = EngineProcess(free_port(), tmp_path / "data", tmp_path / "log")
    with engine:
        cloud = Cloud(engine.url)
        cloud.role("any")
        function = cloud.function(PID, Timeout=100)
        worker, _ = cloud.invoke(function)

        def hang() -> None:
            with pytest.raises(Exception, match=r"closed|aborted|reset|connect"):
                cloud.invoke(function, 100)

        caller = threading.Thread(target=hang)
        caller.start()
        assert eventually((Path(worker["folder"]) / "hangs").exists)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert function.rsplit(":", 1)[1] in (current_state(tmp_path / "data") / "lambda.json").read_text()
    assert eventually(lambda: is_gone(worker["pid"]))
    caller.join()


PARENT = """
import json, sys, time
from pathlib import Path
from orders.local.engine.process import EngineProcess
from tests.engine.cloud import Cloud, allow
engine = EngineProcess(int(sys.argv[1]), Path(sys.argv[2]) / "data", Path(sys.argv[2]) / "log")
engine.start()
cloud = Cloud(engine.url)
cloud.role("any")
worker, _ = cloud.invoke(cloud.function(sys.argv[3]))
cloud.queue()
print(json.dumps({"engine": engine.pid, **worker}), flush=True)
time.sleep(100)
"""


def test_the_engine_stops_cleanly_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(free_port()), str(tmp_path), PID]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        started = json.loads(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: is_gone(started["engine"]))
    assert eventually(lambda: is_gone(started["pid"]))
    assert eventually(lambda: not Path(started["folder"]).parents[1].exists())
    assert "queue-" in (current_state(tmp_path / "data") / "sqs.json").read_text()


def test_a_killed_engine_leaves_no_worker(tmp_path: Path) -> None:
    engine = EngineProcess(free_port(), None, tmp_path / "log")
    with engine:
        cloud = Cloud(engine.url)
        cloud.role("any")
        worker, _ = cloud.invoke(cloud.function(PID))
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        assert eventually(lambda: is_gone(worker["pid"]))
    assert not Path(worker["folder"]).parents[1].exists()


def test_all_state_comes_back_also_on_another_port(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with EngineProcess(free_port(), data, tmp_path / "log") as engine:
        cloud = Cloud(engine.url)
        cloud.role("any")
        queue, table = cloud.queue(VisibilityTimeout="300"), cloud.table()
        item = {"id": {"S": "1"}, "blob": {"B": b"\x00\xff"}, "set": {"SS": ["a"]}}
        cloud.dynamodb.put_item(TableName=table, Item=item)
        for body in ("in flight", "waiting"):
            cloud.queues.send_message(QueueUrl=queue, MessageBody=body)
        cloud.queues.receive_message(QueueUrl=queue)
        function = cloud.function("def handle(event, context):\n    return len(event['Records'])\n")
        fed = cloud.queue()
        cloud.functions.create_event_source_mapping(
            EventSourceArn=cloud.queue_arn(fed), FunctionName=function
        )
        version = cloud.functions.publish_version(FunctionName=function)["FunctionArn"]
        machine = cloud.machine({"A": {"Type": "Task", "Resource": version, "End": True}})
        cloud.user(allow("sqs:*"))
    with EngineProcess(free_port(), data, tmp_path / "log") as engine:
        cloud = Cloud(engine.url)
        found = cloud.dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})["Item"]
        assert found["blob"] == {"B": b"\x00\xff"}
        name = queue.rsplit("/", 1)[1]
        queue = cloud.queues.get_queue_url(QueueName=name)["QueueUrl"]
        assert queue.startswith(engine.url)
        counts = cloud.queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        assert counts["Attributes"]["ApproximateNumberOfMessages"] == "1"
        assert counts["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
        assert cloud.run(machine, {"Records": [1, 2]})["output"] == "2"
        assert cloud.iam.list_users()["Users"]
        fed = cloud.queues.get_queue_url(QueueName=fed.rsplit("/", 1)[1])["QueueUrl"]
        cloud.queues.send_message(QueueUrl=fed, MessageBody="polled again")
        assert eventually(lambda: _messages(cloud, fed) == 0)


def _messages(cloud: Cloud, queue: str) -> int:
    attributes = cloud.queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
    return sum(
        int(attributes["Attributes"][name])
        for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    )


def test_two_engines_do_not_share_a_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        EngineProcess(free_port(), data, tmp_path / "log"),
        pytest.raises(DataFolderError, match="in use by another run"),
    ):
        EngineProcess(free_port(), data, tmp_path / "other-log").start()
