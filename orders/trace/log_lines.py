"""An order's lines from the log groups of all functions.

CloudWatch Logs has no index: `FilterLogEvents` goes through all that was logged since a time, page by page
(https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html). An old order
of a busy pipeline takes a while, so reading has a limit, and what it left out is said.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.timestamps import utc_now
from orders.aws_errors import explain
from orders.trace.layout import count
from orders.trace.model import Log, NotRead
from orders.trace.telling import LogLine, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

# A request comes before its order, and clocks differ.
MARGIN: Final = timedelta(minutes=5)
READ_SECONDS: Final = 30.0
_FORGOTTEN: Final = "they are kept for a limited time"
# Powertools' own form of `timestamp`.
_WRITTEN: Final = "%Y-%m-%d %H:%M:%S,%f%z"


def read_log(
    logs: Any,  # noqa: ANN401 - botocore makes its client classes at run time
    groups: Mapping[str, str],
    order_id: str,
    accepted_at: datetime,
    seconds: float = READ_SECONDS,
) -> Log | NotRead:
    """Read what the functions logged of an order.

    Args:
        logs: botocore's client of CloudWatch Logs.
        groups: the log groups' names by function.
        order_id: a valid one: it becomes a part of the filter.
        accepted_at: reading begins five minutes earlier.
        seconds: after so many, no further page is read.
    """
    # With an end: new lines could come faster than old ones are read.
    span = {"startTime": _epoch(accepted_at - MARGIN), "endTime": _epoch(utc_now())}
    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(max(1, len(groups))) as pool:
        reading = {
            function: pool.submit(_read_group, logs, group, order_id, span, deadline)
            for function, group in groups.items()
        }
    lines: list[LogLine] = []
    remarks: list[str] = []
    failures: list[str] = []
    for function, future in reading.items():
        try:
            found, complete = future.result()
        except (BotoCoreError, ClientError) as error:
            failures.append(f"the log of {function}: {explain(error)}")
            continue
        lines += found
        if not complete:
            remarks.append(f"the log of {function} was read for {seconds:.0f} s only: --log-seconds reads on")
    if failures and len(failures) == len(groups):
        return NotRead(failures[0].partition(": ")[2])
    story = tell(lines)
    if not lines:
        remarks.append(f"the functions' logs have nothing of this order: {_FORGOTTEN}")
    elif story.forgotten and not failures:
        remarks.append(
            f"the steps of {count(story.forgotten, 'execution')} are not in the logs: {_FORGOTTEN}"
        )
    return Log(story, (*failures, *remarks))


def parse_line(message: str, written: int) -> LogLine | None:
    """Read a line that one of our loggers wrote at `written` (epoch milliseconds), None for any other."""
    try:
        fields = json.loads(message)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    at = datetime.fromtimestamp(written / 1000, UTC)
    with suppress(ValueError, TypeError):
        # The local run knows only when an invocation ended.
        at = datetime.strptime(fields.get("timestamp", ""), _WRITTEN).astimezone(UTC)
    return LogLine(at, str(fields.get("service", "")), fields)


def _read_group(
    logs: Any,  # noqa: ANN401 - see read_log
    group: str,
    order_id: str,
    span: Mapping[str, int],
    deadline: float,
) -> tuple[list[LogLine], bool]:
    """Return the lines, and whether they are all."""
    # A term, and no JSON pattern such as `{ $.order_id = "..." }`: the embedded engine takes that for one
    # that everything matches. Which lines are the order's own is looked at here.
    query: dict[str, Any] = {"logGroupName": group, "filterPattern": f'"{order_id}"', **span}
    found: list[LogLine] = []
    while True:
        answer = logs.filter_log_events(**query)
        for event in answer["events"]:
            line = parse_line(event["message"], event["timestamp"])
            if line and line.fields.get("order_id") == order_id:
                found.append(line)
        if "nextToken" not in answer:
            return found, True
        if time.monotonic() > deadline:
            return found, False
        query["nextToken"] = answer["nextToken"]


def _epoch(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
