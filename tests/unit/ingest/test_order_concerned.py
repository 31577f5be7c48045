"""Which order's story a request belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.domain.identifiers import ClientId, order_id_for
from lambdas.ingest.order_concerned import order_concerned

ORDER = "ord_" + "a" * 26


def an_event(route: str, named: str | None = None, **headers: str) -> dict[str, Any]:
    """A request of alice's in the mode `local`."""
    return {
        "routeKey": route,
        "requestContext": {},
        "headers": {"x-orders-client": "alice", **{k.replace("_", "-"): v for k, v in headers.items()}},
        **({"pathParameters": {"order_id": named}} if named else {}),
    }


@pytest.mark.parametrize("route", ["GET /v1/orders/{order_id}", "POST /v1/orders/{order_id}/cancel"])
def test_a_path_names_its_order(route: str) -> None:
    assert order_concerned(an_event(route, ORDER, idempotency_key="k"), "local") == ORDER


@pytest.mark.parametrize("named", ["nonsense", "ord_short", "Jane Doe, 1 High Street", ORDER + "\n"])
def test_what_cannot_be_an_id_is_nobodys(named: str) -> None:
    assert order_concerned(an_event("GET /v1/orders/{order_id}", named), "local") is None


def test_a_submission_is_about_the_order_that_its_key_makes() -> None:
    event = an_event("POST /v1/orders", idempotency_key='"key-1"')
    assert order_concerned(event, "local") == order_id_for(ClientId("alice"), "key-1")


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "k", "x_orders_client": ""}])
def test_a_submission_without_key_or_client_is_about_none(headers: dict[str, str]) -> None:
    assert order_concerned(an_event("POST /v1/orders", **headers), "local") is None


def test_a_list_is_about_no_single_order() -> None:
    assert order_concerned(an_event("GET /v1/orders", idempotency_key="k"), "local") is None
