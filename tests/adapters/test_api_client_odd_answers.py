"""The client of the HTTP API against what is not the API."""

from __future__ import annotations

import json

import pytest

from orders.api_client import ApiRefused, ApiUnreachable, OrdersClient
from tests.adapters.endpoints import answering

ORDER = {"order_id": "ord_1"}


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b"[]", b"null", b"[" * 50_000, b'{"message": "hello"}']
)
def test_a_success_that_is_not_the_apis_is_said_to_be_so(body: bytes) -> None:
    with answering(answer("200 OK", body)) as url:
        client = OrdersClient(url, {})
        for call in (client.get, client.refunds):
            with pytest.raises(ApiUnreachable, match="not the API of orders"):
                call("ord_1")
        with pytest.raises(ApiUnreachable, match="not the API of orders"):
            client.page()
        with pytest.raises(ApiUnreachable, match="not the API of orders"):
            client.submit(b"{}", "key")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect"])
def test_a_redirect_is_not_followed(status: str) -> None:
    order = answer("200 OK", json.dumps(ORDER).encode())
    with (
        answering(order) as elsewhere,
        answering(answer(status, b"", f"Location: {elsewhere}/v1/orders")) as url,
        pytest.raises(ApiRefused) as refused,
    ):
        OrdersClient(url, {"Authorization": "Bearer secret"}).submit(b"{}", "key")
    assert refused.value.status == int(status[:3])


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[1]"])
def test_an_error_without_json_is_shown_by_its_status(body: bytes) -> None:
    with answering(answer("502 Bad Gateway", body)) as url, pytest.raises(ApiRefused) as refused:
        OrdersClient(url, {}).get("ord_1")
    assert str(refused.value) == "HTTP 502 Bad Gateway without JSON"


def test_an_answer_that_is_cut_is_nobody_answering() -> None:
    cut = answer("200 OK", b"x" * 100)[:-50]
    with answering(cut) as url, pytest.raises(ApiUnreachable, match="nobody answers"):
        OrdersClient(url, {}).get("ord_1")
