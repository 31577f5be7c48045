"""AWS calls on the wire: botocore's own hook, just before a request is sent."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tests.faults.kinds import CONFLICTED, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session

    from tests.faults.wire import Wire

# As botocore itself has it: the types of its stubs say otherwise.
_AT_ONCE: Final[Any] = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
_JSON: Final = "application/x-amz-json-1.0"
_THROTTLES: Final = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "sqs": "RequestThrottled",
    "secretsmanager": "ThrottlingException",
    "states": "ThrottlingException",
}


class _Session(botocore.session.Session):
    """Makes each client once: a function that begins anew makes the same, and botocore takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[tuple[str, float], Any] = {}

    def create_client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """Make a client, or find the one that was made."""
        key = (service_name, kwargs["config"].read_timeout)
        if key not in self._made:
            self._made[key] = super().create_client(service_name, *args, **kwargs)
        return self._made[key]


def watched_session(wire: Wire, instead: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> Session:
    """Make a session whose clients all call through the wire; `instead` answers operations in our place."""
    session = _Session()
    network = URLLib3Session(timeout=60, socket_options=_AT_ONCE)

    def before_send(request: Any, **_: Any) -> Any:
        operation = _operation(request)
        service = _service(request)
        content = {} if service == "s3" else json.loads(_bytes(request.body))

        def send() -> AWSResponse:
            if operation in instead:
                return _answer(request, 200, instead[operation](content))
            answer: AWSResponse = network.send(request)
            return answer

        return wire.through(
            service,
            operation,
            _target(content),
            send,
            lambda kind: _fail(request, service, operation, content, kind),
        )

    def without_delay(params: Any, **_: Any) -> None:
        # What is to come back later comes back at once: the tests move the clock, and not the queue's.
        params.pop("DelaySeconds", None)

    # The stubs have a type for handlers that none of botocore's own fits.
    register: Any = session.register
    register("before-send", before_send)
    register("provide-client-params.sqs.SendMessage", without_delay)
    return session


def _operation(request: AWSPreparedRequest) -> str:
    target = request.headers.get("X-Amz-Target")
    if target is None:
        return f"{request.method.title()}Object"
    return _text(target).rpartition(".")[2]


def _service(request: AWSPreparedRequest) -> str:
    return _text(request.headers["Authorization"]).split("Credential=")[1].split("/")[3]


def _text(header: Any) -> str:
    return header.decode() if isinstance(header, bytes) else str(header)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body or b"{}")


def _target(content: dict[str, Any]) -> str:
    """Name the table, queue or secret; a transaction's by the tables that it writes."""
    if "TransactItems" in content:
        return "+".join(sorted({name["TableName"] for i in content["TransactItems"] for name in i.values()}))
    if "TransactStatements" in content:
        return "+".join(sorted({i["Statement"].split('"')[1] for i in content["TransactStatements"]}))
    if "RequestItems" in content:
        return "+".join(sorted(content["RequestItems"]))
    name = content.get("TableName") or content.get("QueueUrl") or content.get("SecretId") or ""
    return str(name).rpartition("/")[2]


def _fail(
    request: AWSPreparedRequest, service: str, operation: str, content: dict[str, Any], kind: Kind
) -> AWSResponse:
    match kind:
        case Kind.THROTTLED if service == "s3":
            return _answer(request, 503, b"<Error><Code>SlowDown</Code></Error>")
        case Kind.ERROR | Kind.FAILED if service == "s3":
            return _answer(request, 500, b"<Error><Code>InternalError</Code></Error>")
        case Kind.LOST:
            raise ReadTimeoutError(endpoint_url=request.url)
        case Kind.THROTTLED:
            return _answer(request, 400, {"__type": _THROTTLES[service], "message": "slow down"})
        case Kind.CONFLICT if operation in CONFLICTED:
            return _answer(request, 400, {"__type": "TransactionConflictException", "message": "conflict"})
        case Kind.CONFLICT:
            parts = content.get("TransactItems") or content["TransactStatements"]
            reasons = [{"Code": "TransactionConflict"}, *({"Code": "None"} for _ in parts[1:])]
            refused = {
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "CancellationReasons": reasons,
                "Message": "Transaction cancelled",
            }
            return _answer(request, 400, refused)
        case _:
            return _answer(request, 500, {"__type": "InternalServerError", "message": "broken"})


class _Raw:
    """A body as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        """Give it whole."""
        return [self._content]


def _answer(request: AWSPreparedRequest, status: int, content: dict[str, Any] | bytes) -> AWSResponse:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = "application/xml" if isinstance(content, bytes) else _JSON
    headers = {"Content-Type": kind, "x-amzn-requestid": "r"}
    return AWSResponse(request.url, status, headers, _Raw(body))  # type: ignore[arg-type] # all that it reads of it
