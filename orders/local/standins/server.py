"""The HTTP server of the stand-ins: keep-alive, one thread per connection, faults applied.

`http.server` is enough when Nagle is off and the answer is written in one piece; otherwise every
call on a kept connection waits 40 ms for a delayed acknowledgement.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from orders.local.standins.faults import FaultKind
from orders.local.standins.messages import Reply, Request

if TYPE_CHECKING:
    from orders.local.standins.calls import CallStatistics
    from orders.local.standins.faults import Fault, FaultPlan

CONTROL_PREFIX = "/_standin/"
STOP_POLL_SECONDS = 0.01  # how long `stop` waits for the thread that accepts
LARGEST_BODY = 1 << 20
GARBAGE = b"<html>it works</html>"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST, not FIN


class Application(Protocol):
    """What the server needs of a stand-in."""

    faults: FaultPlan
    calls: CallStatistics

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """Do what was asked; a `slow` or `error_*` fault is applied inside."""

    def control(self, request: Request) -> Reply:
        """A call under `/_standin/`."""

    def endpoint_of(self, request: Request) -> str:
        """The endpoint's name, without ids, for the statistics."""

    def order_id_of(self, request: Request) -> str | None:
        """The order that the call is about, when that can be told."""

    def failure(self, status: int, retry_after: int | None) -> Reply:
        """A 429 or 5xx in this provider's own words."""


class StandInServer(ThreadingHTTPServer):
    """Serves one application on 127.0.0.1.

    Args:
        port: 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, application: Application, port: int = 0) -> None:
        self.application = application
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._aborted: set[socket.socket] = set()
        self._thread: threading.Thread | None = None
        super().__init__(("127.0.0.1", port), StandInHandler)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Serve in a thread; returns at once, the port is already listening."""
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": STOP_POLL_SECONDS}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, wake the calls that hang, close every connection."""
        self.stopping.set()
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def abort(self, connection: socket.socket) -> None:
        """Let the connection end with a reset instead of an orderly close."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._aborted.add(connection)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typed by socketserver
        """Remember the connection, for `stop`."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as typed by socketserver
        """Close; without the FIN of an orderly end when the connection was aborted."""
        self._open.discard(request)
        if request in self._aborted:
            self._aborted.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typed by socketserver
        """A client that went away is no error; anything else is our bug and goes to stderr."""
        if not self.stopping.is_set() and not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class StandInHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: StandInServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing: requests may hold what must never be logged."""

    def _serve(self) -> None:
        request = self._read()
        if request is None:
            self._send(Reply.of(413, {"error": {"message": "the body is too large"}}))
            self.close_connection = True
        elif request.path.startswith(CONTROL_PREFIX):
            self._send(self.server.application.control(request))
        else:
            self._serve_with_faults(request)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names set by http.server

    def _read(self) -> Request | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            return None
        path, _, query = self.path.partition("?")
        body = self.rfile.read(length) if length else b""
        return Request(self.command, unquote(path), query, self.headers, body)

    def _serve_with_faults(self, request: Request) -> None:
        application, faults = self.server.application, self.server.application.faults
        application.calls.arrived(application.endpoint_of(request))
        if faults.latency:
            self.server.stopping.wait(faults.latency)
        down, status = faults.outage
        if down:
            self._finish(application.failure(status, None) if status else None)
            return
        fault = faults.take(request.method, request.path, lambda: application.order_id_of(request))
        match fault and fault.kind:
            case FaultKind.RESET_BEFORE:
                self._finish(None)
            case FaultKind.HANG_BEFORE if fault:
                self.server.stopping.wait(fault.seconds)
                self._finish(None)
            case FaultKind.RATE_LIMIT if fault:
                self._finish(application.failure(429, fault.retry_after))
            case _:
                self._execute(request, fault)

    def _execute(self, request: Request, fault: Fault | None) -> None:
        reply = self.server.application.answer(request, fault)
        if fault is not None and fault.kind is FaultKind.RESET_AFTER:
            self._finish(None)
            return
        if fault is not None and fault.kind is FaultKind.HANG_AFTER:
            self.server.stopping.wait(fault.seconds)
        if fault is not None and fault.kind is FaultKind.GARBLED:
            reply = Reply(HTTPStatus.OK, GARBAGE)
        torn = fault is not None and fault.kind is FaultKind.TORN
        self._finish(reply, torn=torn)

    def _finish(self, reply: Reply | None, *, torn: bool = False) -> None:
        calls = self.server.application.calls
        if reply is None:
            calls.answered("reset")
            self.server.abort(self.connection)
            self.close_connection = True
        else:
            calls.answered(str(reply.status))
            self._send(reply, torn=torn)

    def _send(self, reply: Reply, *, torn: bool = False) -> None:
        """Answer; a torn answer promises its whole length and ends with the connection half-way."""
        self.send_response(reply.status)
        headers = {"Content-Type": "application/json", **reply.headers}
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if torn else reply.body)
        self.close_connection = self.close_connection or torn
