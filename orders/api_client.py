"""A client of the orders' HTTP API, as any client could write one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import urllib3

_RETRYABLE = frozenset({429, 503})


class ApiUnreachable(Exception):
    """Nobody answers at the API's address."""


class ApiRefused(Exception):
    """The API answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        """Keep the problem's parts."""
        super().__init__(problem.get("title") or problem.get("message") or f"HTTP {status}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer's body, an order or a refund; `replayed` when its key was used for this request before."""

    order: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class OrdersClient:
    """`headers` say who calls: a token on AWS, the client's name on a local run."""

    url: str
    headers: dict[str, str]
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(
            maxsize=32,
            timeout=urllib3.Timeout(connect=3, read=30),
            # Safe for POST as well: every POST carries its key.
            retries=urllib3.Retry(
                4,
                backoff_factor=0.3,
                status_forcelist=_RETRYABLE,
                allowed_methods=None,
                raise_on_status=False,
            ),
        )
    )

    def submit(self, body: bytes, key: str) -> Submitted:
        """Submit an order's JSON under a key."""
        return self._submit("/v1/orders", body, key)

    def cancel(self, order_id: str, body: bytes, key: str) -> dict[str, Any]:
        """Ask for an order's cancellation and return the request as it was accepted."""
        return self._submit(f"/v1/orders/{order_id}/cancel", body, key).order

    def refund(self, order_id: str, body: bytes, key: str) -> Submitted:
        """Ask for a refund of a completed order under a key; `order` of the answer is the refund."""
        return self._submit(f"/v1/orders/{order_id}/refunds", body, key)

    def refunds(self, order_id: str) -> list[dict[str, Any]]:
        """Return all refunds of an order."""
        refunds: list[dict[str, Any]] = _json(self._call("GET", f"/v1/orders/{order_id}/refunds"))["refunds"]
        return refunds

    def get(self, order_id: str) -> dict[str, Any]:
        """Return one order."""
        return _json(self._call("GET", f"/v1/orders/{order_id}"))

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of orders, newest first, and the cursor of the next one."""
        query = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        body = _json(self._call("GET", "/v1/orders", query=query))
        return body["orders"], body["next_cursor"]

    def _submit(self, path: str, body: bytes, key: str) -> Submitted:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        answer = self._call("POST", path, body, headers)
        return Submitted(_json(answer), answer.headers.get("Idempotent-Replayed") == "true")

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        try:
            answer = self._pool.request(
                method, self.url + path, body=body, fields=query, headers={**self.headers, **(headers or {})}
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(f"nobody answers at {self.url} ({type(error).__name__})") from error
        if answer.status >= 400:  # noqa: PLR2004 - HTTP's errors
            raise ApiRefused(answer.status, _json(answer))
        return answer


def _json(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        body = json.loads(answer.data)
    except ValueError:
        return {"title": f"HTTP {answer.status} without JSON"}
    return body if isinstance(body, dict) else {"title": f"HTTP {answer.status} without an object"}
