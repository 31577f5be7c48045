"""What a stand-in is, apart from the API that it imitates: a server, faults, statistics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from orders.local.standins.calls import CallStatistics
from orders.local.standins.control import ControlApi
from orders.local.standins.credentials import Credentials
from orders.local.standins.faults import Fault, FaultPlan
from orders.local.standins.server import StandInServer

if TYPE_CHECKING:
    from types import TracebackType

    from orders.local.standins.database import Database
    from orders.local.standins.messages import Reply, Request


class StandIn(ABC):
    """Base of the stand-ins; use it as a context manager to serve on `url`.

    Args:
        name: as `GET /_standin/health` tells it.
        database: closed by `stop`.
        token_prefix: what every accepted token begins with.
        port: 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    def __init__(self, name: str, database: Database, *, token_prefix: str = "", port: int = 0) -> None:
        self.faults = FaultPlan()
        self.calls = CallStatistics()
        self.credentials = Credentials(token_prefix)
        self._database = database
        self._control = ControlApi(name, self.faults, self.calls, self.credentials, self.forget)
        self._server = StandInServer(self, port)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`, without a slash at the end."""
        return self._server.url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve in a thread."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving; calls that hang are woken."""
        self._server.stop()
        self._database.close()

    def pause(self, seconds: float) -> None:
        """Wait inside a call, but not longer than the stand-in lives."""
        self._server.stopping.wait(seconds)

    def control(self, request: Request) -> Reply:
        """A call under `/_standin/`."""
        return self._control.answer(request)

    @abstractmethod
    def forget(self) -> None:
        """Delete everything stored; part of `POST /_standin/reset`."""

    @abstractmethod
    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """Do what a call asks."""

    @abstractmethod
    def endpoint_of(self, request: Request) -> str:
        """The endpoint's name for the statistics."""

    @abstractmethod
    def order_id_of(self, request: Request) -> str | None:
        """The order that a call is about."""

    @abstractmethod
    def failure(self, status: int, retry_after: int | None) -> Reply:
        """A 429 or 5xx in this provider's words."""
