"""AWS Lambda and EventBridge for a container: their HTTP APIs, answered by the test's own functions."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from tests.workflow.interpreter import EventBus, Functions

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Outside:
    """What the workflow calls: replaced by each test."""

    functions: Functions
    bus: EventBus = field(default_factory=EventBus)


class Endpoint:
    """Listens at `address`, on a free port; `outside` answers.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """

    def __init__(self, address: str) -> None:
        self.outside: Outside | None = None
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(endpoint) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's here
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers, answer = endpoint._answer(self.path, body)
                self.send_response(200)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _answer(self, path: str, body: bytes) -> tuple[Mapping[str, str], bytes]:
        outside = self.outside
        if outside is None:
            raise RuntimeError(f"{path} is called outside of any test")
        if path == "/":
            events: dict[str, Any] = json.loads(body)
            return {}, json.dumps(outside.bus.put_events(**events)).encode()
        # An ARN may come in the name's place, and its colons as %3A.
        function = unquote(path).partition("/functions/")[2].partition("/")[0].rpartition(":")[2]
        answer = outside.functions.invoke(function, body)
        failed = {"X-Amz-Function-Error": answer["FunctionError"]} if "FunctionError" in answer else {}
        return failed, answer["Payload"].read()
