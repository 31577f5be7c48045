"""moto's ASL interpreter in process: runs the real definition over the real services and the fakes.

Its Lambda and EventBridge clients are replaced by objects that call the pipeline, and its waits between
retries are noted instead of waited for; everything else is moto's own. Every execution has a name: moto calls
all unnamed ones `None`.
"""

from __future__ import annotations

import io
import json
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_events
from moto.stepfunctions.parser.utils import TMP_THREADS

from tests.fakes.faults import Faults
from tests.fakes.state_machine import definition

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.fakes.pipeline import Pipeline

REGION: Final = "eu-west-1"
NAMES: Final = {
    "ValidateFunction": "validate",
    "PaymentFunction": "payment",
    "FulfilFunction": "fulfil",
    "EventSource": "orders",
    "EventBus": "outcomes",
}


@dataclass(slots=True)
class Functions:
    """A Lambda client whose functions are the pipeline's steps.

    An exception is reported as Lambda's Python runtime does: `errorType` is the class's name. `service`
    lets Lambda itself fail, by the function's name.
    """

    pipeline: Pipeline
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _hangs: dict[tuple[str, str | None], threading.Event] = field(default_factory=dict)
    _came_back: threading.Event = field(default_factory=threading.Event)
    service: Faults = field(default_factory=Faults)

    def invoke(self, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Invoke a function and wait for its answer."""
        event = json.loads(Payload)
        self.calls.append((FunctionName, event))
        with self.service.around(FunctionName):
            until = self._hangs.pop((FunctionName, event.get("action")), None)
            if until is None:
                return self._run(FunctionName, event)
            until.wait()
            try:
                return self._run(FunctionName, event)
            finally:
                self._came_back.set()

    def hang(self, function: str, action: str | None, until: threading.Event) -> None:
        """Hold the next call of a function's action back until an event is set."""
        self._hangs[function, action] = until

    def release(self, late: threading.Event) -> None:
        """Let a call that hangs go on, and wait until it has come back."""
        late.set()
        assert self._came_back.wait(timeout=5)

    def _run(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self.pipeline.invoke(function, event)
        except Exception as error:  # noqa: BLE001 - the runtime reports whatever a handler raises
            report = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": _stream(report)}
        return {"StatusCode": 200, "Payload": _stream(answer)}

    def count(self, function: str, action: str | None = None) -> int:
        """Return how often a function was invoked for an action."""
        return sum(1 for name, event in self.calls if name == function and event.get("action") == action)


@dataclass(slots=True)
class EventBus:
    """An EventBridge client. `refusals` are how many calls have a failed entry."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    refusals: int = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Take events, or fail as EventBridge does: with HTTP 200."""
        if self.refusals:
            self.refusals -= 1
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}

    @property
    def types(self) -> list[str]:
        """The types of the events that came."""
        return [entry["DetailType"] for entry in self.entries]


@dataclass(slots=True)
class Waits:
    """Stands in for the module `time` where the interpreter waits before a retry."""

    seconds: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Note the wait."""
        self.seconds.append(seconds)


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended."""

    name: str
    status: str
    output: Any = None
    error: str = ""
    cause: str = ""

    @property
    def outcome(self) -> str:
        """What the last step said. (moto leaves out the OutputPath of Succeed.)"""
        return str(self.output.get("step", self.output)["outcome"])


@dataclass(slots=True)
class Machines:
    """State machines in moto, each created once: parsing the definition takes a fifth of a second."""

    client: Any
    _arns: dict[str, str] = field(default_factory=dict)

    def arn_of(self, machine: dict[str, Any]) -> str:
        """Return the state machine of a definition, with the stack's names filled in."""
        text = json.dumps(machine)
        for name, value in NAMES.items():
            text = text.replace(f"${{{name}}}", value)
        assert "${" not in text, "the definition names something that the stack does not fill in"
        if text not in self._arns:
            created = self.client.create_state_machine(
                name=f"process-order-{len(self._arns)}",
                definition=text,
                roleArn="arn:aws:iam::123456789012:role/workflow",
                type="STANDARD",
            )
            self._arns[text] = created["stateMachineArn"]
        return self._arns[text]


@contextmanager
def running_machines() -> Iterator[Machines]:
    """Turn on moto with its interpreter."""
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Machines(
            boto3.client(
                "stepfunctions",
                region_name=REGION,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )
        )


@dataclass(slots=True)
class Engine:
    """Runs executions over one pipeline; `machine` is the definition, which a test may alter."""

    pipeline: Pipeline
    machines: Machines
    functions: Functions = field(init=False)
    bus: EventBus = field(default_factory=EventBus)
    waits: Waits = field(default_factory=Waits)
    machine: dict[str, Any] = field(default_factory=definition)

    def __post_init__(self) -> None:
        """Let the functions be the pipeline's steps."""
        self.functions = Functions(self.pipeline)

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put this engine's clients and waits in the place of moto's."""
        clients = {"lambda": self.functions, "events": self.bus}

        def client_for(service: str, **_: Any) -> Any:
            return clients[service]

        monkeypatch.setattr(lambda_eval_utils, "boto_client_for", client_for)
        monkeypatch.setattr(state_task_service_events, "boto_client_for", client_for)
        monkeypatch.setattr(retrier_decl, "time", self.waits)

    def run(self, order_id: str, **command: Any) -> Ended:
        """Run an execution of `process` to its end."""
        arn = self.machines.arn_of(self.machine)
        started = start(self.machines.client, arn, {"command": "process", "order_id": order_id, **command})
        TMP_THREADS[-1].join()
        return describe(self.machines.client, started)


def start(client: Any, machine_arn: str, command: dict[str, Any]) -> str:
    """Start an execution and return its ARN."""
    name = f"{command['order_id']}-{uuid.uuid4().hex[:12]}"
    started = client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(command))
    return str(started["executionArn"])


def describe(client: Any, execution_arn: str) -> Ended:
    """Return how an execution stands."""
    ended = client.describe_execution(executionArn=execution_arn)
    output = json.loads(ended["output"]) if "output" in ended else None
    return Ended(ended["name"], ended["status"], output, ended.get("error", ""), ended.get("cause", ""))


def _stream(body: object) -> io.BytesIO:
    return io.BytesIO(json.dumps(body).encode())
