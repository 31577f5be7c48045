"""The engine's HTTP server, and how it stops.

The engine's own `main` waits for running requests before it writes its snapshot, and a function
that waits (as `dispatch` does for a workflow) cannot be interrupted: the snapshot would come
minutes later, or never. Here SIGTERM writes the snapshot at once and ends the process: what was
under way is lost as in a crash, and its messages come back to the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hypercorn.asyncio import serve as serve_http
from hypercorn.config import Config
from ministack import app as engine
from ministack.core import persistence

from orders.local.engine.errors import EngineError
from orders.local.engine.process import SNAPSHOT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

_KEEP_ALIVE_SECONDS = 75.0


def serve(host: str, port: int) -> None:
    """Serve until SIGTERM, then write the snapshot (when the engine is to keep its state).

    The calling thread must be the main thread. Other threads may still run when it returns.

    Raises:
        EngineError: The server ended by itself.
    """
    with contextlib.suppress(OSError, ValueError):  # more connections at once, where allowed
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = Config()
    config.bind = [f"{host}:{port}"]
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.loglevel = engine.LOG_LEVEL
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve(config))


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    never: Callable[..., Any] = asyncio.Event().wait
    server = asyncio.create_task(serve_http(_app, config, shutdown_trigger=never))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({server, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        raise EngineError("the engine's server ended") from server.exception()
    if persistence.PERSIST_STATE:
        _save()


async def _app(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:  # noqa: ANN401 - ASGI
    """The engine, and one request of our own."""
    if scope.get("path") != SNAPSHOT_PATH:
        await engine.app(scope, receive, send)
        return
    try:
        _save()
        status, body = HTTPStatus.OK, b""
    except EngineError as error:
        status, body = HTTPStatus.INSUFFICIENT_STORAGE, str(error).encode()
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def _save() -> None:
    # On the loop's thread: no request changes anything between two services' files.
    persistence.save_all(engine._build_persistence_save_dict())  # noqa: SLF001 - no public one
