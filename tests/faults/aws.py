"""AWS in process: botocore's own clients, whose requests the embedded engine's services answer without HTTP.

The engine's DynamoDB and SQS are called as its HTTP server calls them. EventBridge keeps what it is sent,
Step Functions is the definition's own interpreter, S3 takes what is not there yet, Secrets Manager has three.
"""

from __future__ import annotations

import copy
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import botocore.exceptions
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from ministack.services import dynamodb, sqs

from lambdas.adapters.clients import make_client
from stacks.timeouts import DEAD_LETTER_VISIBILITY_SECONDS, MAX_RECEIVES, VISIBILITY_SECONDS
from tests.adapters.tables import create_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from botocore.awsrequest import AWSPreparedRequest

    from tests.faults.wire import Wire

Answer = tuple[int, dict[str, str], bytes]

SECRETS: Final = {"payment": "sk_test_of_the_matrix", "warehouse": "token", "pagerduty": "f" * 32}
QUEUE: Final = "orders"
DEAD: Final = "orders-dlq"
BUS: Final = "events"
# What each service answers to too many requests, as botocore's models name it.
_THROTTLED: Final = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "sqs": (403, "RequestThrottled"),
    "secrets-manager": (400, "ThrottlingException"),
    "s3": (503, "SlowDown"),
    "eventbridge": (400, "ThrottlingException"),
    "sfn": (400, "ThrottlingException"),
}


@dataclass(slots=True)
class Aws:
    """The account. `run_workflow` takes an execution's name and input, and returns the answer's members."""

    wire: Wire
    run_workflow: Callable[[str, str], dict[str, Any]] = lambda _name, _input: {}
    events: list[dict[str, Any]] = field(default_factory=list)
    objects: set[str] = field(default_factory=set)
    queue_url: str = ""
    dead_url: str = ""
    _clients: dict[tuple[str, tuple[tuple[str, float], ...]], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the tables and the queues."""
        create_tables(self.client("dynamodb"))
        queues = self.client("sqs")
        patience = {"VisibilityTimeout": str(DEAD_LETTER_VISIBILITY_SECONDS)}
        self.dead_url = queues.create_queue(QueueName=DEAD, Attributes=patience)["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVES}
        made = queues.create_queue(
            QueueName=QUEUE,
            Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(redrive)},
        )
        self.queue_url = made["QueueUrl"]

    def client(self, service: str, **options: Any) -> Any:
        """Return a client as the adapters make it; kept, because botocore takes its time to make one."""
        key = service, tuple(sorted(options.items()))
        if key not in self._clients:
            client = make_client(service, **options)
            tries = client.meta.config.retries["total_max_attempts"]
            # Signing is a third of a call's time, and nobody looks at the signature here.
            client.meta.events.register("choose-signer", lambda **_: UNSIGNED)
            client.meta.events.register_first("before-send", _Sender(self, tries))
            self._clients[key] = client
        return self._clients[key]

    def answer(self, service: str, operation: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Do what a request asks."""
        match service:
            case "dynamodb":
                return _run(dynamodb.handle_request("POST", "/", headers, body, {}))
            case "sqs":
                return _run(sqs.handle_request("POST", "/", headers, body, {}))
            case "secrets-manager":
                return _json({"SecretString": SECRETS[json.loads(body)["SecretId"]]})
            case "s3":
                return self._put_object(f"{headers['host']}{path}")
            case "eventbridge":
                return self._put_events(json.loads(body))
            case "sfn":
                request = json.loads(body)
                return _json(self.run_workflow(request["name"], request["input"]))
        raise KeyError(f"{service} {operation}")

    def _put_events(self, request: dict[str, Any]) -> Answer:
        self.events += [json.loads(entry["Detail"]) for entry in request["Entries"]]
        return _json({"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in request["Entries"]]})

    def _put_object(self, key: str) -> Answer:
        if key in self.objects:
            error = "<Error><Code>PreconditionFailed</Code><Message>it exists</Message></Error>"
            return 412, {"Content-Type": "application/xml"}, error.encode()
        self.objects.add(key)
        return 200, {}, b""

    def messages(self, queue: str = QUEUE) -> list[dict[str, Any]]:
        """Return what is on a queue, visible or not."""
        found: list[dict[str, Any]] = _queue(queue)["messages"]
        return found

    def repeat(self, message_id: str, body: str) -> None:
        """Put a message before all others once more, as a standard queue may deliver it twice."""
        self.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=body)
        messages = self.messages()
        messages.insert(0, {**messages.pop(), "id": message_id})

    def items(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield a table's items, sorted by key."""
        partitions = dynamodb._tables[table]["items"]
        for partition in sorted(partitions):
            for sort in sorted(partitions[partition]):
                yield partitions[partition][sort]

    def snapshot(self) -> _State:
        """Copy everything that is stored."""
        tables = {name: copy.deepcopy(dynamodb._tables[name]) for name in dynamodb._tables}
        queues = {name: copy.deepcopy(_queue(name)["messages"]) for name in (QUEUE, DEAD)}
        return _State(tables, queues, copy.deepcopy(self.events), frozenset(self.objects))

    def restore(self, state: _State) -> None:
        """Go back to a copy."""
        for name, table in state.tables.items():
            dynamodb._tables[name] = copy.deepcopy(table)
        for name, messages in state.queues.items():
            _queue(name)["messages"] = copy.deepcopy(messages)
        self.events = copy.deepcopy(state.events)
        self.objects = set(state.objects)


@dataclass(frozen=True, slots=True)
class _State:
    tables: dict[str, Any]
    queues: dict[str, list[dict[str, Any]]]
    events: list[dict[str, Any]]
    objects: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Sender:
    """Botocore's hook that stands before the network: what it returns is the answer."""

    aws: Aws
    tries: int

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        body, parts = _bytes(request.body), urlsplit(request.url)
        headers = {
            "host": parts.netloc,
            **{name.lower(): _text(value) for name, value in request.headers.items()},
        }
        status, answered, content = self.aws.wire.carry(
            (service, operation, _target(service, operation, body)),
            lambda: self.aws.answer(service, operation, parts.path, headers, body),
            AwsProtests(service, body),
            self.tries,
        )
        return AWSResponse(request.url, status, cast("Any", answered), _Raw(content))


@dataclass(frozen=True, slots=True)
class AwsProtests:
    """Failures as botocore sees them."""

    service: str
    body: bytes

    def lost(self) -> Answer:
        """Nothing comes within the client's patience."""
        raise botocore.exceptions.ReadTimeoutError(endpoint_url=self.service)

    def error(self) -> Answer:
        """A 500."""
        return self._refused(500, "InternalServerError")

    def throttled(self) -> Answer:
        """Too many requests."""
        return self._refused(*_THROTTLED[self.service])

    def conflict(self) -> Answer:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html."""
        request = json.loads(self.body)
        actions = request.get("TransactItems") or request["TransactStatements"]
        reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (len(actions) - 1)]
        return self._refused(400, "TransactionCanceledException", CancellationReasons=reasons)

    def _refused(self, status: int, code: str, **facts: object) -> Answer:
        if self.service == "s3":
            return status, {}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        return _json({"__type": code, "message": code, **facts}, status)


class _Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield all of it."""
        yield self.read()


def _target(service: str, operation: str, body: bytes) -> str:
    """Name the tables or the queue that a request is about."""
    if service == "s3":
        return ""
    request = json.loads(body or b"{}")
    if service == "sqs":
        return str(request.get("QueueUrl", "")).rpartition("/")[2]
    if service != "dynamodb":
        return ""
    if "TableName" in request:
        return str(request["TableName"])
    if operation == "BatchGetItem":
        return "+".join(request["RequestItems"])
    if operation == "TransactWriteItems":
        named = [next(iter(action.values()))["TableName"] for action in request["TransactItems"]]
    else:
        named = [statement["Statement"].split('"')[1] for statement in request["TransactStatements"]]
    return "+".join(dict.fromkeys(named))


def _run(answering: Coroutine[Any, Any, Any]) -> Answer:
    """Run what never waits."""
    try:
        answering.send(None)
    except StopIteration as answered:
        status, headers, body = answered.value
        return status, headers, body if isinstance(body, bytes) else body.encode()
    raise AssertionError("the engine waits for something")


def _queue(name: str) -> dict[str, Any]:
    found: dict[str, Any] = sqs._get_q(name)
    return found


def _json(body: dict[str, Any], status: int = 200) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
