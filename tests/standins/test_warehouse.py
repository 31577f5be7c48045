"""The warehouse: idempotent by order, refusals, cancellations, faults."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from orders.local.standins.remote import RemoteControl
from orders.local.standins.warehouse import WarehouseStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]
TOKEN = "any"
Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def warehouse() -> Iterator[WarehouseStandIn]:
    """A warehouse that has shipped nothing."""
    with WarehouseStandIn() as running:
        yield running


@pytest.fixture
def control(warehouse: WarehouseStandIn) -> RemoteControl:
    """Its control API."""
    return RemoteControl(warehouse.url)


def call(
    url: str,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str | None = TOKEN,
    timeout: float = 5.0,
) -> Answer:
    """Status and body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def ship(url: str, lines: object = LINES, order_id: str = "ord_1", timeout: float = 5.0) -> Answer:
    return call(url, "PUT", f"/shipments/{order_id}", {"lines": lines}, timeout=timeout)


def cancel(url: str, order_id: str = "ord_1", timeout: float = 5.0) -> Answer:
    return call(url, "DELETE", f"/shipments/{order_id}", timeout=timeout)


def test_a_shipment_is_accepted_once(warehouse: WarehouseStandIn) -> None:
    status, shipment = ship(warehouse.url)
    assert status == 201
    assert (shipment["order_id"], shipment["status"], shipment["lines"]) == (
        "ord_1",
        "accepted",
        LINES,
    )
    assert ship(warehouse.url) == (200, shipment)
    assert ship(warehouse.url, LINES[::-1]) == (200, shipment)
    assert call(warehouse.url, "GET", "/shipments/ord_1") == (200, shipment)


def test_another_shipment_for_the_order_is_a_mismatch(warehouse: WarehouseStandIn) -> None:
    _, shipment = ship(warehouse.url)
    status, error = ship(warehouse.url, LINES[:1])
    assert (status, error["code"]) == (409, "shipment_mismatch")
    assert call(warehouse.url, "GET", "/shipments/ord_1") == (200, shipment)


def test_nothing_was_sent(warehouse: WarehouseStandIn) -> None:
    status, error = call(warehouse.url, "GET", "/shipments/ord_1")
    assert (status, error["code"]) == (404, "shipment_not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": LINES, "speed": "fast"},
        {"lines": [{"sku": "A"}]},
        {"lines": [{"sku": "A", "quantity": 0}]},
        {"lines": [{"sku": "A", "quantity": True}]},
        {"lines": [{"sku": "A", "quantity": 1.0}]},
        {"lines": [{"sku": "", "quantity": 1}]},
        [1],
    ],
)
def test_what_is_no_shipment(warehouse: WarehouseStandIn, body: object) -> None:
    status, error = call(warehouse.url, "PUT", "/shipments/ord_1", body)
    assert (status, error["code"]) == (400, "invalid_shipment")


@pytest.mark.parametrize("refusal", [{"sku": "B"}, {"order_id": "ord_1"}])
def test_a_refusal(warehouse: WarehouseStandIn, control: RemoteControl, refusal: dict[str, str]) -> None:
    control.call("POST", "refusals", refusal)
    status, error = ship(warehouse.url)
    assert (status, error["code"]) == (422, "refused")
    assert call(warehouse.url, "GET", "/shipments/ord_1")[0] == 404
    control.call("DELETE", "refusals")
    assert ship(warehouse.url)[0] == 201
    control.call("POST", "refusals", refusal)
    assert ship(warehouse.url)[0] == 200


def test_what_is_cancelled_is_never_sent(warehouse: WarehouseStandIn, control: RemoteControl) -> None:
    tombstone = {"order_id": "ord_1", "status": "cancelled"}
    assert cancel(warehouse.url) == (200, tombstone)
    status, error = ship(warehouse.url)
    assert (status, error["code"]) == (422, "cancelled")
    assert cancel(warehouse.url) == (200, tombstone)
    assert call(warehouse.url, "GET", "/shipments/ord_1") == (200, {**tombstone, "lines": []})
    assert ship(warehouse.url, order_id="ord_2")[0] == 201
    page = control.call("GET", "shipments")
    assert ([s["order_id"] for s in page["shipments"]], page["total"]) == (["ord_2"], 1)


def test_what_was_accepted_is_not_cancelled(warehouse: WarehouseStandIn) -> None:
    _, shipment = ship(warehouse.url)
    status, error = cancel(warehouse.url)
    assert (status, error["code"]) == (409, "already_accepted")
    assert ship(warehouse.url) == (200, shipment)
    assert call(warehouse.url, "GET", "/shipments/ord_1") == (200, shipment)


def test_a_refused_order_can_be_cancelled_and_is_then_refused_for_that(
    warehouse: WarehouseStandIn, control: RemoteControl
) -> None:
    control.call("POST", "refusals", {"order_id": "ord_1"})
    assert cancel(warehouse.url)[0] == 200
    assert ship(warehouse.url)[1]["code"] == "cancelled"
    control.call("DELETE", "refusals")
    assert ship(warehouse.url)[1]["code"] == "cancelled"


def test_a_shipment_and_its_cancellation_at_once_have_one_winner(warehouse: WarehouseStandIn) -> None:
    orders = [f"ord_{number}" for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        races = [
            (pool.submit(ship, warehouse.url, LINES, order_id), pool.submit(cancel, warehouse.url, order_id))
            for order_id in orders
        ]
    outcomes = {(shipped.result()[0], cancelled.result()[0]) for shipped, cancelled in races}
    assert outcomes <= {(201, 409), (422, 200)}


def test_a_token_is_needed(warehouse: WarehouseStandIn, control: RemoteControl) -> None:
    assert call(warehouse.url, "GET", "/shipments/ord_1", token=None)[0] == 401
    control.call("POST", "credentials", {"accepted": ["new"]})
    assert call(warehouse.url, "GET", "/shipments/ord_1", token="old")[0] == 401
    assert call(warehouse.url, "GET", "/shipments/ord_1", token="new")[0] == 404


def test_another_address(warehouse: WarehouseStandIn) -> None:
    assert call(warehouse.url, "GET", "/stock/A")[0] == 404
    assert call(warehouse.url, "POST", "/shipments/ord_1")[0] == 404
    assert call(warehouse.url, "DELETE", "/shipments")[0] == 404


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("hang_before", 404), ("hang_after", 200), ("reset_before", 404), ("reset_after", 200)],
)
def test_an_outcome_that_is_not_known(
    warehouse: WarehouseStandIn, control: RemoteControl, kind: str, effect: int
) -> None:
    control.fault(kind, method="PUT", order_id="ord_1", seconds=30)
    assert ship(warehouse.url, order_id="ord_2")[0] == 201
    with pytest.raises(OSError, match=r"timed out|reset|closed"):
        ship(warehouse.url, timeout=0.3)
    assert call(warehouse.url, "GET", "/shipments/ord_1")[0] == effect


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("hang_before", 404), ("hang_after", 200), ("reset_before", 404), ("reset_after", 200)],
)
def test_a_cancellation_of_which_the_outcome_is_not_known(
    warehouse: WarehouseStandIn, control: RemoteControl, kind: str, effect: int
) -> None:
    control.fault(kind, method="DELETE", order_id="ord_1", seconds=30)
    with pytest.raises(OSError, match=r"timed out|reset|closed"):
        cancel(warehouse.url, timeout=0.3)
    assert call(warehouse.url, "GET", "/shipments/ord_1")[0] == effect


@pytest.mark.parametrize(
    ("kind", "status", "effect"),
    [("error_before", 503, 404), ("error_after", 503, 200), ("rate_limit", 429, 404)],
)
def test_an_error_of_the_warehouse(
    warehouse: WarehouseStandIn, control: RemoteControl, kind: str, status: int, effect: int
) -> None:
    control.fault(kind, path="/shipments/*", status=503)
    assert ship(warehouse.url)[0] == status
    assert call(warehouse.url, "GET", "/shipments/ord_1")[0] == effect


@pytest.mark.parametrize(
    ("kind", "status", "effect"),
    [("error_before", 503, 404), ("error_after", 503, 200), ("rate_limit", 429, 404)],
)
def test_an_error_at_a_cancellation(
    warehouse: WarehouseStandIn, control: RemoteControl, kind: str, status: int, effect: int
) -> None:
    control.fault(kind, path="/shipments/*", status=503)
    assert cancel(warehouse.url)[0] == status
    assert call(warehouse.url, "GET", "/shipments/ord_1")[0] == effect


def test_list_statistics_and_reset(warehouse: WarehouseStandIn, control: RemoteControl) -> None:
    for number in range(3):
        ship(warehouse.url, order_id=f"ord_{number}")
    page = control.call("GET", "shipments?limit=2")
    assert ([s["order_id"] for s in page["shipments"]], page["has_more"], page["total"]) == (
        ["ord_0", "ord_1"],
        True,
        3,
    )
    rest = control.call("GET", "shipments?after=ord_1")
    assert [s["order_id"] for s in rest["shipments"]] == ["ord_2"]
    cancel(warehouse.url, "ord_9")
    assert control.statistics()["endpoints"] == {
        "PUT /shipments/{order_id}": 3,
        "DELETE /shipments/{order_id}": 1,
    }
    control.reset()
    assert control.call("GET", "shipments")["total"] == 0
    assert ship(warehouse.url, order_id="ord_9")[0] == 201


def test_a_file_survives_a_restart(tmp_path: Path) -> None:
    with WarehouseStandIn(tmp_path) as first:
        _, shipment = ship(first.url)
        cancel(first.url, "ord_2")
    with WarehouseStandIn(tmp_path) as second:
        assert ship(second.url) == (200, shipment)
        assert ship(second.url, order_id="ord_2")[0] == 422
