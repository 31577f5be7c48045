"""A client of the orders' HTTP API, as any client could write one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import urllib3

_RETRYABLE = frozenset({429, 503})


class ApiUnreachable(Exception):
    """Nobody answers at the API's address, or somebody who is not the API."""


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
        body = _read(self._call("GET", f"/v1/orders/{order_id}/refunds"), "refunds")
        refunds: list[dict[str, Any]] = body["refunds"]
        return refunds

    def get(self, order_id: str) -> dict[str, Any]:
        """Return one order."""
        return _read(self._call("GET", f"/v1/orders/{order_id}"), "order_id")

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of orders, newest first, and the cursor of the next one."""
        query = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        body = _read(self._call("GET", "/v1/orders", query=query), "orders", "next_cursor")
        return body["orders"], body["next_cursor"]

    def _submit(self, path: str, body: bytes, key: str) -> Submitted:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        answer = self._call("POST", path, body, headers)
        return Submitted(_read(answer, "order_id"), answer.headers.get("Idempotent-Replayed") == "true")

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
                method,
                self.url + path,
                body=body,
                fields=query,
                headers={**self.headers, **(headers or {})},
                # The API redirects nobody; followed, a 303 would turn a POST into a GET.
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(f"nobody answers at {self.url} ({type(error).__name__})") from error
        if answer.status >= 300:  # noqa: PLR2004 - HTTP's redirects and errors
            raise ApiRefused(answer.status, _problem_of(answer))
        return answer


def _problem_of(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    return _object_of(answer) or {"title": f"HTTP {answer.status} {answer.reason or ''} without JSON"}


def _read(answer: urllib3.BaseHTTPResponse, *fields: str) -> dict[str, Any]:
    """Return the body of a success; a proxy's page or another service's answer is none."""
    body = _object_of(answer)
    if not body.keys() >= set(fields):
        what = f"HTTP {answer.status} without {' and '.join(fields)}"
        raise ApiUnreachable(f"what answers is not the API of orders ({what}): check the address")
    return body


def _object_of(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        body = json.loads(answer.data)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
