"""How much of the past is kept.

AWS: keeps logs and metrics for as long as asked, on its own disks, and no history of Express
executions.

Engine: keeps in memory, for ever, a log stream per invocation, every metric's every value, every
event sent to a bus and every finished execution; the snapshot writes it all, too.

Mend: the newest are kept: `STREAMS` log streams of a group, `EVENTS` events of a stream, `VALUES`
values of a metric, `BUS_EVENTS` events of the buses and `EXECUTIONS` finished executions. The logs
are an order's history (`orders trace`), so they reach back furthest: 10,000 invocations of a function
are some 3,000 orders, 23 MB, and 0.2 s to search.
"""

from __future__ import annotations

from typing import Any

from ministack.services import (
    cloudwatch,
    cloudwatch_logs,
    eventbridge,
    lambda_svc,
    stepfunctions,
)

Response = tuple[int, dict[str, str], bytes]

STREAMS = 10_000
EVENTS = 10_000
VALUES = 2_000
BUS_EVENTS = 1_000
EXECUTIONS = 1_000

_original_emit_logs = lambda_svc._emit_lambda_logs
_original_append = cloudwatch_logs._append_log_events
_original_bucket = cloudwatch._metric_bucket
_original_bus_log = eventbridge._events_log_list
_original_start = stepfunctions._start_execution


def apply() -> None:
    """Trim what grows, each time that it grows."""
    lambda_svc._emit_lambda_logs = _emit_logs
    cloudwatch_logs._append_log_events = _append_events
    cloudwatch._metric_bucket = _metric_bucket
    eventbridge._events_log_list = _bus_log
    stepfunctions._start_execution = _start_execution


def _emit_logs(func: dict[str, Any], *args: object, **kwargs: object) -> None:
    _original_emit_logs(func, *args, **kwargs)
    config = func.get("config") or func
    name = (config.get("LoggingConfig") or {}).get("LogGroup")
    group = cloudwatch_logs._log_groups.get(name or f"/aws/lambda/{config.get('FunctionName')}")
    if group is None:
        return
    streams: dict[str, Any] = group["streams"]
    while len(streams) > STREAMS:
        try:
            streams.pop(next(iter(streams)), None)
        except (StopIteration, RuntimeError):  # another thread trims, too
            return


def _append_events(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
    _original_append(stream, events)
    _keep_newest(stream["events"], EVENTS)


def _metric_bucket(key: tuple[object, ...]) -> list[Any]:
    return _keep_newest(_original_bucket(key), VALUES)


def _bus_log() -> list[Any]:
    return _keep_newest(_original_bus_log(), BUS_EVENTS)


def _start_execution(data: dict[str, Any]) -> Response:
    finished = [
        (record.get("stopDate") or "", arn)
        for arn, record in list(stepfunctions._executions.items())
        if record["status"] != "RUNNING"
    ]
    for _, arn in sorted(finished)[: max(0, len(finished) - EXECUTIONS + 1)]:
        stepfunctions._executions.pop(arn, None)
    response: Response = _original_start(data)
    return response


def _keep_newest(values: list[Any], limit: int) -> list[Any]:
    if len(values) > limit:
        del values[: len(values) - limit]
    return values
