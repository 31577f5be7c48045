"""Reading an order's lines in the logs: all pages, the order's own only, and what could not be read said."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from orders.trace.log_lines import read_log
from orders.trace.model import Log, NotRead

if TYPE_CHECKING:
    from orders.trace.story import Story

ORDER = "ord_" + "a" * 26
GROUPS = {"dispatch": "/aws/lambda/orders-prod-dispatch", "payment": "/aws/lambda/orders-prod-payment"}
NOW = datetime.now(UTC)
PAGE = 10_000


@pytest.fixture
def logs(aws: None) -> Any:  # noqa: ARG001 - moto has to run
    """CloudWatch Logs with both groups."""
    client = boto3.client("logs", region_name="eu-west-1")
    for group in GROUPS.values():
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="s")
    return client


def put(logs: Any, function: str, *messages: str, seconds: float = 0) -> None:
    """Let a function write lines, so long after the order was accepted."""
    written = round((NOW.timestamp() + seconds) * 1000)
    for start in range(0, len(messages), PAGE):
        batch = [{"timestamp": written, "message": m} for m in messages[start : start + PAGE]]
        logs.put_log_events(logGroupName=GROUPS[function], logStreamName="s", logEvents=batch)


def note(message: str, order_id: str = ORDER) -> str:
    """A line of Powertools' about an order."""
    return json.dumps({"order_id": order_id, "message": message, "service": "x"})


def read(logs: Any, seconds: float = 30.0) -> Log:
    """Read what must be readable."""
    log = read_log(logs, GROUPS, ORDER, NOW, seconds)
    assert isinstance(log, Log)
    return log


def told(story: Story) -> list[str]:
    """The messages of plain lines."""
    return [one.message for one in story.notes]


def test_only_lines_of_the_order_since_five_minutes_before_it_are_read(logs: Any) -> None:
    put(logs, "payment", note("too early"), seconds=-301)
    put(logs, "payment", note("before"), seconds=-299)
    put(logs, "dispatch", note("now"), note("of another", "ord_" + "b" * 26))
    put(logs, "payment", f"[ERROR] OrderBusy: {ORDER} is claimed", f"START {ORDER}", seconds=-1)
    put(logs, "payment", json.dumps({"message": f"names {ORDER}", "order_id": "ord_" + "b" * 26}), seconds=-1)
    log = read(logs)
    assert told(log.story) == ["before", "now"]
    assert log.remarks == ()


def test_every_page_is_read(logs: Any) -> None:
    put(logs, "payment", *(note(f"line {n}") for n in range(PAGE + 5)))
    log = read(logs)
    assert len(log.story.notes) == PAGE + 5
    assert log.remarks == ()


def test_reading_ends_after_its_time_and_says_so(logs: Any) -> None:
    put(logs, "payment", *(note(f"line {n}") for n in range(PAGE + 5)))
    began = time.monotonic()
    log = read(logs, seconds=0)
    assert time.monotonic() - began < 30
    assert len(log.story.notes) == PAGE
    (remark,) = log.remarks
    assert "the log of payment was read for 0 s only" in remark
    assert "--log-seconds" in remark


def test_a_log_that_cannot_be_read_is_said_and_the_others_are_read(logs: Any) -> None:
    logs.delete_log_group(logGroupName=GROUPS["dispatch"])
    put(logs, "payment", note("there"))
    log = read(logs)
    assert told(log.story) == ["there"]
    (remark,) = log.remarks
    assert remark.startswith("the log of dispatch: FilterLogEvents: ResourceNotFoundException")


def test_without_any_log_the_part_is_not_read(logs: Any) -> None:
    for group in GROUPS.values():
        logs.delete_log_group(logGroupName=group)
    assert isinstance(read_log(logs, GROUPS, ORDER, NOW), NotRead)


def test_logs_without_the_order_say_that_they_forget(logs: Any) -> None:
    log = read(logs)
    assert log.story.executions == ()
    assert log.remarks == (
        "the functions' logs have nothing of this order: they are kept for a limited time",
    )


def test_an_execution_whose_steps_are_forgotten_is_said(logs: Any) -> None:
    receive = {
        "order_id": ORDER,
        "claim": "c-1",
        "message_id": "m-1",
        "execution": "SUCCEEDED",
        "decision": "done",
    }
    put(logs, "dispatch", json.dumps(receive))
    log = read(logs)
    assert len(log.story.receives) == 1
    assert log.remarks == ("the steps of 1 execution are not in the logs: they are kept for a limited time",)
