"""`GET /v1/orders` and `GET /v1/orders/{order_id}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.pipeline import CLIENT

if TYPE_CHECKING:
    from tests.unit.ingest.requests import Api

ONE = "GET /v1/orders/{order_id}"
LIST = "GET /v1/orders"


def get(api: Api, order_id: str, client: str = CLIENT) -> tuple[int, dict[str, Any]]:
    """Ask for one order."""
    return api.send(ONE, client=client, pathParameters={"order_id": order_id})


def test_a_client_follows_its_order(api: Api) -> None:
    order_id = api.pipeline.accept(TEA=2)
    api.pipeline.bring_to("publish", order_id)
    status, order = get(api, order_id)
    assert (status, order["status"], order["payment_status"]) == (200, "completed", "captured")
    assert [e["event"] for e in order["timeline"]][-1] == "completed"
    assert [line["sku"] for line in order["lines"]] == ["TEA"]


@pytest.mark.parametrize("order_id", ["ord_" + "a" * 26, "nonsense", "", "../admin", "ord_" + "x" * 5_000])
def test_there_is_no_such_order(api: Api, order_id: str) -> None:
    status, problem = get(api, order_id)
    assert (status, problem["code"]) == (404, "not_found")


def test_another_clients_order_looks_exactly_like_none(api: Api) -> None:
    theirs = api.pipeline.accept()
    assert get(api, theirs, "client-2") == get(api, "ord_" + "a" * 26, "client-2")


def test_an_order_never_shows_how_it_is_paid_or_who_holds_it(api: Api) -> None:
    order_id = api.pipeline.accept()
    api.pipeline.bring_to("capture", order_id)
    shown = repr(get(api, order_id))
    assert not any(secret in shown for secret in ("pm_card", "pi_0001", "claim", "request_hash", CLIENT))


def test_a_list_pages_through_the_clients_orders_without_their_lines(api: Api) -> None:
    for n in range(3):
        api.pipeline.accept(key=f"k{n}")
        api.pipeline.clock.advance(1)
    status, first = api.send(LIST, queryStringParameters={"limit": "2"})
    assert (status, len(first["orders"])) == (200, 2)
    assert not {"lines", "timeline"} & first["orders"][0].keys()
    _, second = api.send(LIST, queryStringParameters={"limit": "2", "cursor": first["next_cursor"]})
    assert (len(second["orders"]), second["next_cursor"]) == (1, None)


def test_a_list_holds_nothing_of_another_client(api: Api) -> None:
    api.pipeline.accept()
    assert api.send(LIST, client="client-2") == (200, {"orders": [], "next_cursor": None})


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "", "\u0661", "9" * 5_000, "00010000"])
def test_a_limit_is_a_number_from_1_to_100(api: Api, limit: str) -> None:
    status, problem = api.send(LIST, queryStringParameters={"limit": limit})
    assert (status, problem["code"]) == (400, "invalid_limit")


@pytest.mark.parametrize("limit", ["1", "100"])
def test_the_limits_of_the_limit_are_allowed(api: Api, limit: str) -> None:
    assert api.send(LIST, queryStringParameters={"limit": limit})[0] == 200


def test_a_cursor_of_another_kind_is_refused(api: Api) -> None:
    status, problem = api.send(LIST, queryStringParameters={"cursor": "bm90IG1pbmU"})
    assert (status, problem["code"]) == (400, "invalid_cursor")


def test_the_openapi_document_is_served_to_everybody(api: Api) -> None:
    status, document = api.send("GET /v1/openapi.json", client="")
    assert (status, document["openapi"][:3]) == (200, "3.1")
