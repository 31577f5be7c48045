"""StartSyncExecution: names, time limit, cost.

AWS: an Express execution's ARN is `...:express:<machine>:<name>:<id>`, so that executions may share
a name ("Standard and Express workflow types"); one that exceeds the definition's `TimeoutSeconds`
ends as `TIMED_OUT`, without running a Catch ("State machine structure"); only Express machines
run so (`StateMachineTypeNotSupported`); it may name a version or an alias; nothing of it is kept.

Engine: executions of the same name overwrite each other while they run, `TimeoutSeconds` is
ignored, Standard machines run too, versions do not, every execution is kept for ever, and each
begins with a sleep of 150 ms.

Mend: a record of its own for each execution, run in a thread with a time limit, then dropped.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
import uuid
from typing import Any

from ministack.services import stepfunctions

Response = tuple[int, dict[str, str], bytes]

_START_DELAY_SECONDS = 0.15
_MEMORY_MB = 64

time_is_up: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar(
    "orders_execution_time_is_up", default=None
)
"""Set once the execution of this context has timed out: nothing of it may be tried again."""


class _TimeWithoutStartDelay:
    """The module `time` as the engine's workflows see it, without the delay at their start."""

    def __getattr__(self, name: str) -> object:
        member: object = getattr(time, name)
        return member

    @staticmethod
    def sleep(seconds: float) -> None:
        if seconds != _START_DELAY_SECONDS:
            time.sleep(seconds)


def apply() -> None:
    """Replace the operation, and remove the delay."""
    stepfunctions.time = _TimeWithoutStartDelay()
    stepfunctions._start_sync_execution = _start_sync_execution


def _start_sync_execution(data: dict[str, Any]) -> Response:
    machine_arn = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if machine_arn is None:
        return _error(
            "StateMachineDoesNotExist",
            f"State Machine Does Not Exist: '{data.get('stateMachineArn', '')}'",
        )
    machine = stepfunctions._state_machines[machine_arn]
    if machine.get("type", "STANDARD") != "EXPRESS":
        return _error(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
        )
    execution = _new_execution(data, machine_arn, machine["name"], machine["roleArn"])
    started = time.monotonic()
    stepfunctions._executions[execution["executionArn"]] = execution
    try:
        finished = _run(execution, json.loads(machine["definition"]).get("TimeoutSeconds"))
    finally:
        stepfunctions._executions.pop(execution["executionArn"], None)
    answer = _answer(execution, finished, time.monotonic() - started)
    response: Response = stepfunctions.json_response(answer)
    return response


def _error(code: str, message: str) -> Response:
    response: Response = stepfunctions.error_response_json(code, message, 400)
    return response


def _new_execution(
    data: dict[str, Any], machine_arn: str, machine_name: str, role_arn: str
) -> dict[str, Any]:
    name = data.get("name") or str(uuid.uuid4())
    prefix = machine_arn.rsplit(":", 2)[0]
    started, text = stepfunctions.now_iso(), data.get("input", "{}")
    details = {"input": text, "roleArn": role_arn}
    return {
        "executionArn": f"{prefix}:express:{machine_name}:{name}:{uuid.uuid4()}",
        "stateMachineArn": machine_arn,
        "name": name,
        "status": "RUNNING",
        "startDate": started,
        "stopDate": None,
        "input": text,
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": {"included": True},
        "testCase": "",
        "mockAttempts": {},
        "sync": True,
        "events": [
            {
                "id": 1,
                "type": "ExecutionStarted",
                "timestamp": started,
                "executionStartedEventDetails": details,
            }
        ],
    }


def _run(execution: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """Run to the end or the time limit; returns the record as it then stands."""
    arn = execution["executionArn"]
    if seconds is None:
        stepfunctions._run_execution(arn)
        return execution
    up = threading.Event()
    context = contextvars.copy_context()
    context.run(time_is_up.set, up)
    thread = threading.Thread(
        target=context.run, args=(stepfunctions._run_execution, arn), daemon=True, name="express"
    )
    thread.start()
    thread.join(seconds)
    if not thread.is_alive():
        return execution
    up.set()
    finished = dict(execution, status="TIMED_OUT", stopDate=stepfunctions.now_iso(), output=None)
    execution["status"] = "TIMED_OUT"  # the abandoned thread stops after its present state
    return finished


def _answer(execution: dict[str, Any], finished: dict[str, Any], seconds: float) -> dict[str, Any]:
    kept = ("executionArn", "stateMachineArn", "name", "startDate", "input", "inputDetails")
    answer = {key: execution[key] for key in kept} | {
        "status": finished["status"],
        "stopDate": finished["stopDate"] or stepfunctions.now_iso(),
        "billingDetails": {
            "billedDurationInMilliseconds": -(-int(seconds * 1000) // 100) * 100,
            "billedMemoryUsedInMB": _MEMORY_MB,
        },
    }
    if finished["status"] == "SUCCEEDED":
        return answer | {"output": finished["output"], "outputDetails": {"included": True}}
    if finished["status"] == "FAILED":
        return answer | {"error": finished.get("error"), "cause": finished.get("cause")}
    return answer
