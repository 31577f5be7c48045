"""Addresses on this machine where nobody behaves: refused, hung, reset, cut, or answered with given bytes."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_REQUEST = 1 << 20
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST, not FIN


def refusing_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextlib.contextmanager
def hanging() -> Iterator[tuple[str, list[socket.socket]]]:
    """An address that takes calls and says nothing, and the connections made to it."""
    with _listening() as (listener, url):
        connections: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])

        with _served_by(accept, listener):
            yield url, connections
        for connection in connections:
            connection.close()


@contextlib.contextmanager
def resetting() -> Iterator[str]:
    """An address that resets every connection before it reads anything."""
    with _listening() as (listener, url):

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    connection.close()

        with _served_by(serve, listener):
            yield url


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """An address that reads a request, sends these bytes (none at all, perhaps) and cuts the connection.

    Of several answers each connection gets the next, and all further ones the last.
    """
    left = deque(answers)
    with _listening() as (listener, url):

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(LONGEST_REQUEST)
                        connection.sendall(left.popleft() if len(left) > 1 else left[0])

        with _served_by(serve, listener):
            yield url


def http_answer(status: int, body: bytes, length: int | None = None) -> bytes:
    """An HTTP answer; a `length` beyond the body's makes it a torn one."""
    head = f"HTTP/1.1 {status} -\r\nContent-Length: {length or len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@contextlib.contextmanager
def _listening() -> Iterator[tuple[socket.socket, str]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _served_by(target: Callable[[], None], listener: socket.socket) -> Iterator[None]:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)
