"""StartSyncExecution (shim `express_workflow`), and what of workflows needs no shim."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.cloud import Cloud, unique

pytestmark = pytest.mark.engine

PASS: dict[str, Any] = {"A": {"Type": "Pass", "End": True}}
WAIT: dict[str, Any] = {"A": {"Type": "Wait", "Seconds": 2, "End": True}}


def test_a_workflow_beyond_its_time_limit_ends_as_timed_out(mended: Cloud) -> None:
    machine = mended.machine(WAIT, TimeoutSeconds=1)
    started = time.perf_counter()
    answer = mended.run(machine)
    assert answer["status"] == "TIMED_OUT"
    assert "output" not in answer
    assert time.perf_counter() - started < 1.5


def test_the_installed_engine_has_no_time_limit(unmended: Cloud) -> None:
    assert unmended.run(unmended.machine(WAIT, TimeoutSeconds=1))["status"] == "SUCCEEDED"


def arns_of_two_runs_of_one_name(cloud: Cloud) -> set[str]:
    states = {
        "A": {"Type": "Wait", "Seconds": 1, "Next": "B"},
        "B": {"Type": "Pass", "Parameters": {"name.$": "$$.Execution.Name", "n.$": "$.n"}, "End": 1},
    }
    machine, name = cloud.machine(states), unique("run")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda n: cloud.run(machine, {"n": n}, name), range(2)))
    return {answer["executionArn"] for answer in answers}


def test_runs_may_share_a_name(mended: Cloud) -> None:
    arns = arns_of_two_runs_of_one_name(mended)
    assert len(arns) == 2
    assert all(":express:" in arn for arn in arns)


def test_in_the_installed_engine_runs_of_one_name_are_one(unmended: Cloud) -> None:
    assert len(arns_of_two_runs_of_one_name(unmended)) == 1


def test_only_express_machines_run_synchronously(mended: Cloud) -> None:
    machine = mended.machine(PASS, kind="STANDARD")
    with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
        mended.run(machine)


def test_a_version_runs(mended: Cloud) -> None:
    machine = mended.machine(PASS)
    version = mended.workflows.publish_state_machine_version(stateMachineArn=machine)
    answer = mended.run(version["stateMachineVersionArn"], {"x": 1})
    assert json.loads(answer["output"]) == {"x": 1}


def test_the_installed_engine_runs_no_version(unmended: Cloud) -> None:
    machine = unmended.machine(PASS)
    version = unmended.workflows.publish_state_machine_version(stateMachineArn=machine)
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        unmended.run(version["stateMachineVersionArn"])


def kept(cloud: Cloud) -> int:
    machine = cloud.machine(PASS)
    cloud.run(machine)
    return len(cloud.workflows.list_executions(stateMachineArn=machine)["executions"])


def test_nothing_of_a_run_is_kept(mended: Cloud) -> None:
    assert kept(mended) == 0


def test_the_installed_engine_keeps_every_run(unmended: Cloud) -> None:
    assert kept(unmended) == 1


def seconds_of_a_run(cloud: Cloud) -> float:
    machine = cloud.machine(PASS)
    started = time.perf_counter()
    cloud.run(machine)
    return time.perf_counter() - started


def test_a_run_starts_at_once(mended: Cloud) -> None:
    assert min(seconds_of_a_run(mended) for _ in range(3)) < 0.1


def test_the_installed_engine_sleeps_first(unmended: Cloud) -> None:
    assert min(seconds_of_a_run(unmended) for _ in range(3)) >= 0.15


def test_a_failure_has_error_and_cause_and_no_output(mended: Cloud) -> None:
    fail = {"A": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}}
    answer = mended.run(mended.machine(fail), {"e": "PaymentUnknown", "c": "no answer"})
    assert answer["status"] == "FAILED"
    assert (answer["error"], answer["cause"]) == ("PaymentUnknown", "no answer")
    assert "output" not in answer


def test_three_warm_functions_run_in_milliseconds(mended: Cloud) -> None:
    function = mended.function("def handle(event, context):\n    return event\n")
    version = mended.functions.publish_version(FunctionName=function)["FunctionArn"]
    states: dict[str, Any] = {
        name: {"Type": "Task", "Resource": version, "TimeoutSeconds": 5, "Next": following}
        for name, following in (("A", "B"), ("B", "C"), ("C", "D"))
    } | {"D": {"Type": "Succeed"}}
    machine = mended.machine(states, TimeoutSeconds=60)
    mended.run(machine)

    def seconds() -> float:
        started = time.perf_counter()
        assert mended.run(machine, {"x": 1})["status"] == "SUCCEEDED"
        return time.perf_counter() - started

    assert min(seconds() for _ in range(10)) < 0.05


def test_an_event_is_put_on_its_bus(mended: Cloud) -> None:
    """Needs no shim: the direct integration with EventBridge."""
    bus = unique("bus")
    mended.events.create_event_bus(Name=bus)
    queue = mended.queue()
    mended.events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["orders"]}')
    mended.events.put_targets(
        Rule="all", EventBusName=bus, Targets=[{"Id": "q", "Arn": mended.queue_arn(queue)}]
    )
    mended.queues.set_queue_attributes(
        QueueUrl=queue,
        Attributes={
            "Policy": json.dumps(
                {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": "*",
                        }
                    ]
                }
            )
        },
    )
    entry = {
        "Source": "orders",
        "DetailType": "completed",
        "Detail": {"name.$": "$$.Execution.Name"},
        "EventBusName": bus,
    }
    machine = mended.machine(
        {
            "A": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {"Entries": [entry]},
                "End": True,
            }
        }
    )
    answer = mended.run(machine, name="run-1")
    assert answer["status"] == "SUCCEEDED", answer
    [message] = mended.queues.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["detail"] == {"name": "run-1"}
