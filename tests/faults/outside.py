"""Provider, warehouse and PagerDuty in process: the adapters' pools hand requests over without HTTP."""

from __future__ import annotations

import io
import re
import sqlite3
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlsplit

import urllib3

from lambdas.adapters.http_pool import CONNECT_SECONDS, TOTAL_SECONDS
from orders.local.standins.messages import Reply, Request
from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.stripe import PaymentStandIn
from orders.local.standins.warehouse import WarehouseStandIn

if TYPE_CHECKING:
    from orders.local.standins.messages import Json
    from orders.local.standins.standin import StandIn
    from tests.faults.wire import Wire

PROVIDER_URL: Final = "http://provider.test"
WAREHOUSE_URL: Final = "http://warehouse.test"
PAGER_URL: Final = "http://pager.test"
_IDS: Final = re.compile(r"(?<=/)(?:pi|re|ord)_[^/]+")


@dataclass(frozen=True, slots=True)
class Outside:
    """The services that are not AWS's."""

    provider: PaymentStandIn
    warehouse: WarehouseStandIn
    pager: PagerDutyStandIn

    @classmethod
    def open(cls) -> Self:
        """Start them, with nothing in them and nobody listening."""
        return cls(PaymentStandIn(), WarehouseStandIn(), PagerDutyStandIn())

    def close(self) -> None:
        """Give their ports back."""
        for stand_in in self._all.values():
            stand_in.stop()

    @property
    def _all(self) -> dict[str, StandIn]:
        return {"provider": self.provider, "warehouse": self.warehouse, "pager": self.pager}

    def pool(self, wire: Wire) -> WiredPool:
        """Make a pool, as the adapters' own, that reaches them."""
        return WiredPool(wire, self._all)

    def tell(self, stand_in: StandIn, method: str, path: str, body: bytes = b"", query: str = "") -> Json:
        """Make a call of a stand-in's control API."""
        reply = stand_in.control(Request(method, f"/_standin/{path}", query, Message(), body))
        assert reply.status == 200, reply.body
        return Request(method, path, "", Message(), reply.body).json()

    def calm(self) -> None:
        """Let nothing fail any more."""
        for stand_in in self._all.values():
            stand_in.faults.clear()
            stand_in.credentials.accept_only(None)

    def snapshot(self) -> tuple[sqlite3.Connection, ...]:
        """Copy what they keep."""
        copies = []
        for stand_in in self._all.values():
            copied = sqlite3.connect(":memory:", check_same_thread=False)
            stand_in._database._connection.backup(copied)
            copies.append(copied)
        return tuple(copies)

    def restore(self, state: tuple[sqlite3.Connection, ...]) -> None:
        """Go back to a copy."""
        for stand_in, copied in zip(self._all.values(), state, strict=True):
            copied.backup(stand_in._database._connection)


class WiredPool(urllib3.PoolManager):
    """The adapters' connection pool up to the socket."""

    def __init__(self, wire: Wire, stand_ins: dict[str, StandIn]) -> None:
        """Never retry, like the adapters' own."""
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, total=TOTAL_SECONDS)
        super().__init__(timeout=timeout, retries=False)
        self._wire = wire
        self._stand_ins = stand_ins

    def urlopen(self, method: str, url: str, **kw: Any) -> Any:  # type: ignore[override] # all we use of it
        """Answer a request."""
        parts = urlsplit(url)
        service = parts.netloc.removesuffix(".test")
        stand_in = self._stand_ins[service]
        headers = Message()
        for name, value in (kw.get("headers") or {}).items():
            headers[name] = value
        body = kw.get("body") or b""
        content = body.encode() if isinstance(body, str) else body
        request = Request(method.upper(), unquote(parts.path), parts.query, headers, content)
        ordered = stand_in.faults.take(request.method, request.path, lambda: None)
        reply = self._wire.carry(
            (service, f"{request.method} {_IDS.sub('*', request.path)}", ""),
            lambda: stand_in.answer(request, ordered),
            HttpProtests(stand_in),
            tries=1,
        )
        return urllib3.HTTPResponse(
            io.BytesIO(reply.body), {"Content-Type": "application/json", **reply.headers}, reply.status
        )


@dataclass(frozen=True, slots=True)
class HttpProtests:
    """Failures as urllib3 sees them."""

    stand_in: StandIn

    def lost(self) -> Reply:
        """Nothing comes within the pool's patience."""
        raise urllib3.exceptions.ProtocolError("no answer")

    def error(self) -> Reply:
        """A 503 from in front of the endpoints."""
        return self.stand_in.failure(503, None)

    def throttled(self) -> Reply:
        """Too many requests."""
        return self.stand_in.failure(429, 1)

    def conflict(self) -> Reply:
        """Not of this protocol."""
        raise AssertionError("only DynamoDB has transactions")
