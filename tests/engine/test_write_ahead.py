"""What a kill leaves of an engine that keeps its state."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from orders.local.engine.data_folder import current_state, journal_folder
from orders.local.engine.errors import DataFolderError, EngineDiedError, SnapshotError
from orders.local.engine.journal.segment import HEADING, frame, segments
from orders.local.engine.process import EngineProcess
from tests.engine.cloud import Cloud
from tests.engine.conftest import free_port
from tests.engine.test_process import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine


def engine_in(folder: Path, **environment: str) -> EngineProcess:
    return EngineProcess(free_port(), folder / "data", folder / "log", environment=environment)


def kill(engine: EngineProcess) -> None:
    assert engine.pid is not None
    os.killpg(engine.pid, signal.SIGKILL)
    engine.stop()


def put(cloud: Cloud, table: str, key: str, text: str = "") -> None:
    cloud.dynamodb.put_item(TableName=table, Item={"id": {"S": key}, "text": {"S": text}})


def keys(cloud: Cloud, table: str) -> set[str]:
    return {item["id"]["S"] for item in cloud.dynamodb.scan(TableName=table)["Items"]}


def bodies(cloud: Cloud, name: str) -> list[tuple[str, str]]:
    """What is in a queue, with the number of receives."""
    url = cloud.queues.get_queue_url(QueueName=name)["QueueUrl"]
    found = []
    while answer := cloud.queues.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
    ).get("Messages"):
        found += [(one["Body"], one["Attributes"]["ApproximateReceiveCount"]) for one in answer]
    return sorted(found)


def oldest_segment(folder: Path) -> str:
    return min(segment.path.stem for segment in segments(journal_folder(folder / "data")))


def change_and_kill(folder: Path, **environment: str) -> tuple[Cloud, str, str, EngineProcess]:
    """Change a table and a queue after a snapshot, kill the engine, and start it on another port."""
    engine = engine_in(folder, **environment)
    engine.start()
    cloud = Cloud(engine.url)
    table, queue = cloud.table(), cloud.queue(VisibilityTimeout="0")
    put(cloud, table, "before")
    engine.snapshot()
    for number in range(3):
        cloud.queues.send_message(QueueUrl=queue, MessageBody=f"m{number}")
    put(cloud, table, "after")
    cloud.dynamodb.delete_item(TableName=table, Key={"id": {"S": "before"}})
    statements = [
        {"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': '{key}'}}"} for key in ("first", "second")
    ]
    cloud.dynamodb.execute_transaction(TransactStatements=statements)
    with pytest.raises(ClientError, match="TransactionCanceled"):
        cloud.dynamodb.execute_transaction(
            TransactStatements=[{"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': 'no'}}"}, statements[0]]
        )
    received = cloud.queues.receive_message(QueueUrl=queue)["Messages"][0]
    cloud.queues.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])
    assert received["Body"] == "m0"
    cloud.queues.receive_message(QueueUrl=queue)
    kill(engine)
    engine = engine_in(folder, **environment)
    engine.start()
    return Cloud(engine.url), table, queue.rsplit("/", 1)[1], engine


def test_a_kill_loses_no_item_and_no_message(tmp_path: Path) -> None:
    cloud, table, queue, engine = change_and_kill(tmp_path)
    with engine:
        assert keys(cloud, table) == {"after", "first", "second"}
        url = cloud.queues.get_queue_url(QueueName=queue)["QueueUrl"]
        cloud.queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "300"})
        assert bodies(cloud, queue) == [("m1", "2"), ("m2", "1")]


def test_in_the_installed_engine_it_loses_all_since_the_last_save(tmp_path: Path) -> None:
    cloud, table, queue, engine = change_and_kill(tmp_path, ORDERS_ENGINE_SHIMS="off")
    with engine:
        assert keys(cloud, table) == {"before"}
        assert bodies(cloud, queue) == []


def test_what_a_function_held_is_free_again_and_its_receives_are_counted(tmp_path: Path) -> None:
    """A function that hangs at the first receive: only a second one, counted, empties the queue."""
    with engine_in(tmp_path) as engine:
        cloud = Cloud(engine.url)
        cloud.role("any")
        marker = tmp_path / "received"
        function = cloud.function(f"""
            import pathlib, time
            def handle(event, context):
                if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1":
                    pathlib.Path({str(marker)!r}).touch()
                    time.sleep(15)
            """)
        queue = cloud.queue(VisibilityTimeout="300")
        cloud.functions.create_event_source_mapping(
            EventSourceArn=cloud.queue_arn(queue), FunctionName=function
        )
        engine.snapshot()
        cloud.queues.send_message(QueueUrl=queue, MessageBody="held")
        assert eventually(marker.exists)
        kill(engine)
    with engine_in(tmp_path) as engine:
        cloud = Cloud(engine.url)
        url = cloud.queues.get_queue_url(QueueName=queue.rsplit("/", 1)[1])["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def left() -> list[str]:
            answer = cloud.queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)
            return [str(answer["Attributes"][name]) for name in names]

        assert eventually(lambda: left() == ["0", "0"])


def test_a_request_whose_record_cannot_be_written_fails_and_changes_nothing(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        cloud, pid = Cloud(engine.url), engine.pid or 0
        table, queue = cloud.table(), cloud.queue()
        engine.snapshot()
        put(cloud, table, "kept")
        (segment,) = segments(journal_folder(tmp_path / "data"))
        no_limit = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (segment.path.stat().st_size + 20, no_limit[1]))
        with pytest.raises(ClientError, match=r"InternalServerError.*journal cannot be written"):
            put(cloud, table, "refused")
        with pytest.raises(ClientError, match=r"InternalServerError.*journal cannot be written"):
            put(cloud, table, "kept", "changed")
        with pytest.raises(ClientError, match=r"InternalError.*journal cannot be written"):
            cloud.queues.send_message(QueueUrl=queue, MessageBody="refused")
        with pytest.raises(SnapshotError, match="no snapshot could be written"):
            engine.snapshot()
        assert cloud.dynamodb.scan(TableName=table)["Items"] == [{"id": {"S": "kept"}, "text": {"S": ""}}]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, no_limit)
        put(cloud, table, "later")
        kill(engine)
    with engine_in(tmp_path) as engine:
        assert keys(Cloud(engine.url), table) == {"kept", "later"}


def test_a_long_journal_becomes_a_snapshot(tmp_path: Path) -> None:
    with engine_in(tmp_path, ORDERS_ENGINE_JOURNAL_BYTES="4000") as engine:
        cloud = Cloud(engine.url)
        table = cloud.table()
        engine.snapshot()
        before = current_state(tmp_path / "data")
        for number in range(50):
            put(cloud, table, str(number), "x" * 200)
        assert eventually(lambda: oldest_segment(tmp_path) > before.name)
        put(cloud, table, "after")
        kill(engine)
    assert current_state(tmp_path / "data").name > before.name
    with engine_in(tmp_path) as engine:
        assert keys(Cloud(engine.url), table) == {*map(str, range(50)), "after"}


def test_a_damaged_journal_is_refused_and_kept(tmp_path: Path) -> None:
    folder = journal_folder(tmp_path / "data")
    folder.mkdir(parents=True)
    damaged = folder / "000000000001.journal"
    damaged.write_bytes(b"no journal")
    with pytest.raises(DataFolderError, match="is damaged at byte 0 of 10: put the data folder back"):
        engine_in(tmp_path).start()
    assert damaged.read_bytes() == b"no journal"


def test_state_that_cannot_be_loaded_is_refused_and_kept(tmp_path: Path) -> None:
    """The engine would go on without it, and write over it when it stops."""
    folder = journal_folder(tmp_path / "data")
    folder.mkdir(parents=True)
    strange = folder / "000000000001.journal"
    strange.write_bytes(HEADING + frame(b'{"items": [7]}'))
    with pytest.raises(EngineDiedError, match=r"state in .* cannot be loaded: TypeError"):
        engine_in(tmp_path).start()
    assert list(current_state(tmp_path / "data").glob("*.json")) == []
    assert strange.read_bytes() == HEADING + frame(b'{"items": [7]}')


HOLD_THE_LOCK = """
import sys, threading
from ministack.services import sqs
if sys.argv[1] == "mended":
    from orders.local.engine.shims import queue_lock
    queue_lock.apply()
sqs._act_create_queue({"QueueName": "any"}, "")
url = sqs._queue_url("any")
send = threading.Thread(
    target=sqs._act_send_message, args=[{"MessageBody": "any", "QueueUrl": url}, url], daemon=True
)
with sqs._queues_lock:  # as the event sources do while they remove messages
    send.start()
    send.join(0.5)
    print("waits" if send.is_alive() else "does not wait")
"""


def send_beside_a_removal(engine: str) -> str:
    command = [sys.executable, "-c", HOLD_THE_LOCK, engine]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_send_waits_for_a_removal() -> None:
    assert send_beside_a_removal("mended") == "waits"


def test_in_the_installed_engine_a_send_does_not_wait() -> None:
    assert send_beside_a_removal("unmended") == "does not wait"
