"""The API's client over HTTP: what it sends to cancel and to refund, and what it makes of answers."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from orders.api_client import ApiRefused, OrdersClient

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = "ord_" + "a" * 26
REFUND = {"refund_id": "ref_" + "b" * 26, "order_id": ORDER, "status": "requested", "amount": 255}


class Requests:
    """What arrived: method and path, the headers that matter, the body."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[str] = []
        self.keys: list[str | None] = []
        self.bodies: list[Any] = []


@contextmanager
def answering(status: int, body: object, **headers: str) -> Iterator[tuple[OrdersClient, Requests]]:
    """An API that answers everything alike."""
    seen = Requests()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            seen.lines.append(f"{self.command} {self.path}")
            seen.keys.append(self.headers.get("Idempotency-Key"))
            seen.bodies.append(json.loads(self.rfile.read(length) or b"null"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = answer  # noqa: N815 - http.server looks for these names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            client = OrdersClient(f"http://127.0.0.1:{server.server_port}", {"X-Orders-Client": "retail"})
            yield client, seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("replayed", [False, True])
def test_a_refund_goes_out_under_its_key(replayed: bool) -> None:
    headers = {"Idempotent_Replayed": "true"} if replayed else {}
    with answering(202, REFUND, **headers) as (client, seen):
        answer = client.refund(ORDER, b'{"reason_code": "returned"}', "key-1")
    assert (answer.order, answer.replayed) == (REFUND, replayed)
    assert seen.lines == [f"POST /v1/orders/{ORDER}/refunds"]
    assert (seen.keys, seen.bodies) == (["key-1"], [{"reason_code": "returned"}])


def test_the_refunds_of_an_order_are_a_list() -> None:
    with answering(200, {"refunds": [REFUND]}) as (client, seen):
        assert client.refunds(ORDER) == [REFUND]
    assert seen.lines == [f"GET /v1/orders/{ORDER}/refunds"]


def test_a_cancellation_goes_out_under_its_key() -> None:
    request = {"order_id": ORDER, "status": "requested", "reason_code": "mistake"}
    with answering(202, request) as (client, seen):
        assert client.cancel(ORDER, b'{"reason_code": "mistake"}', "key-2") == request
    assert (seen.lines, seen.keys) == ([f"POST /v1/orders/{ORDER}/cancel"], ["key-2"])


def test_a_refusal_carries_its_problem() -> None:
    problem = {"title": "Nothing was paid", "code": "not_refundable", "retryable": False}
    with answering(409, problem) as (client, _), pytest.raises(ApiRefused) as refusal:
        client.refund(ORDER, b"{}", "key-1")
    assert (refusal.value.status, refusal.value.problem) == (409, problem)
