"""Running an execution: how it ended, or that nobody knows, and never a second start by botocore."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from lambdas.adapters import clients
from lambdas.adapters.clients import make_client
from lambdas.adapters.workflow import StepFunctionsWorkflow
from lambdas.domain.workflow import Execution, ExecutionState
from tests.adapters.endpoints import answering, hanging, http_answer, refusing_port
from tests.fakes.fresh_metrics import with_fresh_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
COMMAND = {"command": "process", "order_id": "ord_a"}


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    with Stubber(make_client("stepfunctions", attempts=1)) as stubbed:
        yield stubbed


def ended(status: str, **facts: str) -> dict[str, Any]:
    time = "2026-11-20T10:00:00Z"
    return {"executionArn": f"{MACHINE}:x", "startDate": time, "stopDate": time, "status": status, **facts}


def run(client: Any) -> Execution:
    return StepFunctionsWorkflow(client, MACHINE).run("ord_a-1", COMMAND)


def client_of(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clients, "CONNECT_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    return without_host_prefix(make_client("stepfunctions", read_timeout=0.05, attempts=1))


def without_host_prefix(client: Any) -> Any:
    """AWS serves StartSyncExecution at `sync-states.<region>`; there is no `sync-127.0.0.1`."""
    client.meta.config.inject_host_prefix = False
    return client


@pytest.mark.parametrize(
    ("answer", "execution"),
    [
        (
            ended("SUCCEEDED", output='{"outcome":"completed"}'),
            Execution(ExecutionState.SUCCEEDED, output={"outcome": "completed"}),
        ),
        (ended("SUCCEEDED"), Execution(ExecutionState.SUCCEEDED)),
        (
            ended("FAILED", error="authorise:PaymentOutcomeUnknown", cause="{}"),
            Execution(ExecutionState.FAILED, "authorise:PaymentOutcomeUnknown", "{}", arn=f"{MACHINE}:x"),
        ),
        (ended("TIMED_OUT"), Execution(ExecutionState.TIMED_OUT, arn=f"{MACHINE}:x")),
    ],
    ids=["succeeded", "without output", "failed", "timed out"],
)
def test_the_state_in_the_answer_tells_how_it_ended(
    stubber: Stubber, answer: dict[str, Any], execution: Execution
) -> None:
    request = {"stateMachineArn": MACHINE, "name": "ord_a-1", "input": json.dumps(COMMAND)}
    stubber.add_response("start_sync_execution", answer, request)
    assert run(stubber.client) == execution


@pytest.mark.parametrize("code", ["ThrottlingException", "StateMachineDoesNotExist", "AccessDeniedException"])
def test_a_refused_start_was_none(stubber: Stubber, code: str) -> None:
    stubber.add_client_error("start_sync_execution", code)
    assert run(stubber.client) == Execution(ExecutionState.NOT_STARTED, error=code)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_after_a_server_error_nobody_knows_whether_it_started(stubber: Stubber, status: int) -> None:
    stubber.add_client_error("start_sync_execution", "InternalServerException", http_status_code=status)
    assert run(stubber.client).state is ExecutionState.UNKNOWN


def test_a_connection_that_is_refused_started_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    execution = run(client_of(f"http://127.0.0.1:{refusing_port()}", monkeypatch))
    assert execution == Execution(ExecutionState.NOT_STARTED, error="EndpointConnectionError")


@pytest.mark.parametrize("answer", [b"", http_answer(200, b'{"status"', 500)], ids=["cut", "torn"])
def test_after_a_broken_answer_nobody_knows_how_it_ended(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(answer) as url:
        assert run(client_of(url, monkeypatch)).state is ExecutionState.UNKNOWN


def test_dispatch_tries_exactly_once_and_reads_longer_than_the_workflow_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client as dispatch makes it, at an address that hangs (its 190 s cut short)."""
    for name, value in {
        "ENVIRONMENT": "dev",
        "ORDERS_TABLE": "orders",
        "ORDERS_QUEUE_URL": "http://127.0.0.1/queue",
        "STATE_MACHINE_ARN": MACHINE,
        "MAX_RECEIVES": "4",
        "STARTS_PER_SECOND": "10",
        "REDELIVERY_DELAYS": "30,120,600",
        "IDEMPOTENCY_TABLE": "idempotency",
        "PROBE_SECONDS": "30",
        "FAILURES_TABLE": "failures",
        "CODE_VERSION": "0123456789ab",
    }.items():
        monkeypatch.setenv(name, value)
    with_fresh_metrics(monkeypatch)
    dispatch = importlib.import_module("lambdas.dispatch.handler")
    assert 180 < dispatch.READ_SECONDS < 200
    with hanging() as (url, connections):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setattr(dispatch, "READ_SECONDS", 0.2)
        workflow = dispatch.build().workflow
        without_host_prefix(workflow.client)
        assert workflow.client.meta.config.retries["total_max_attempts"] == 1
        assert workflow.run("ord_a-1", COMMAND).state is ExecutionState.UNKNOWN
        assert len(connections) == 1
