"""The calls of payment provider and warehouse on the wire: the functions' own connection pool."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import urllib3

from tests.faults.kinds import Kind

if TYPE_CHECKING:
    from tests.faults.wire import Wire

_ID: Final = re.compile(r"/(?:pi|re|ord)_[^/]+")
_STATUS: Final = {Kind.THROTTLED: 429, Kind.ERROR: 500, Kind.FAILED: 500}


def _service(path: str) -> str:
    if path.startswith("/shipments"):
        return "warehouse"
    return "pager" if path.startswith("/v2/") else "provider"


class WatchedPool(urllib3.PoolManager):
    """A pool as the functions make it, but that its calls pass the wire and have the time they need."""

    def __init__(self, wire: Wire) -> None:
        """Wait for every answer; never try twice."""
        super().__init__(timeout=urllib3.Timeout(total=60), retries=False, maxsize=4)
        self._wire = wire

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Call, or go wrong."""
        path = _ID.sub("/*", urlsplit(url).path)
        service = _service(path)
        send = super().request

        def fail(kind: Kind) -> urllib3.HTTPResponse:
            if kind is Kind.LOST:
                raise urllib3.exceptions.ProtocolError("the connection was reset")
            message = {"error": {"type": "api_error", "message": "broken"}}
            headers = {"Content-Type": "application/json"}
            return urllib3.HTTPResponse(json.dumps(message).encode(), headers, _STATUS[kind])

        return self._wire.through(
            service, method.upper(), path, lambda: send(method, url, *args, **kwargs), fail
        )
