"""How much of the past is kept (shim `bounded_history`). The limits are lowered to be reached."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.engine

GROW = """
import json, sys
from ministack.services import cloudwatch, cloudwatch_logs, eventbridge, lambda_svc, stepfunctions
if sys.argv[1] == "mended":
    from orders.local.engine.shims import bounded_history
    for name in ("STREAMS", "EVENTS", "VALUES", "BUS_EVENTS", "EXECUTIONS"):
        setattr(bounded_history, name, 10)
    bounded_history.apply()
machine = {"name": "m", "definition": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'}
arn = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
stepfunctions._state_machines[arn] = machine | {"roleArn": "r", "type": "STANDARD"}
for n in range(30):
    stepfunctions._executions[str(n)] = {"status": "SUCCEEDED", "stopDate": f"{n:02}"}
    lambda_svc._emit_lambda_logs({"config": {"FunctionName": "f"}}, str(n), "line", False, 1)
    cloudwatch.record_metric("N", "m", n)
    eventbridge._put_events({"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]})
stepfunctions._start_execution({"stateMachineArn": arn})
stream = {"events": [], "firstEventTimestamp": None, "lastEventTimestamp": None}
events = [{"timestamp": n, "message": "", "ingestionTime": n} for n in range(30)]
cloudwatch_logs._append_log_events(stream, events)
print(json.dumps({
    "streams": len(cloudwatch_logs._log_groups["/aws/lambda/f"]["streams"]),
    "events": len(stream["events"]),
    "values": len(cloudwatch._metric_bucket(("N", "m", cloudwatch._dims_key({})))),
    "bus_events": len(eventbridge._events_log_list()),
    "executions": len(stepfunctions._executions),
}))
"""


def kept_of_thirty(engine: str) -> dict[str, int]:
    command = [sys.executable, "-c", GROW, engine]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    kept: dict[str, int] = json.loads(run.stdout)
    return kept


def test_only_the_newest_are_kept() -> None:
    assert set(kept_of_thirty("mended").values()) == {10}


def test_the_installed_engine_keeps_all() -> None:
    assert min(kept_of_thirty("unmended").values()) >= 30
