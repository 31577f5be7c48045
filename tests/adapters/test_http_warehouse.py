"""Shipments at the warehouse's stand-in: booked or ruled out once, and what each failure means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import urllib3

from lambdas.adapters.http_warehouse import HttpWarehouse
from lambdas.domain.errors import OrderCorrupt, ProviderRefused, WarehouseUnavailable
from lambdas.domain.fulfilment import ShipmentRefused
from tests.adapters.endpoints import answering, http_answer, refusing_port
from tests.adapters.examples import an_order, many_lines
from tests.adapters.payments import secret_of
from tests.adapters.unanswered import PATIENT

if TYPE_CHECKING:
    from lambdas.adapters.secrets import CachedSecret
    from orders.local.standins.remote import RemoteControl
    from orders.local.standins.warehouse import WarehouseStandIn

ORDER_ID = an_order().order_id
GOODS = {"mug-blue": 2, "tea-assam": 1}
TOKEN = "token-of-the-warehouse"


def warehouse_at(url: str, secret: CachedSecret | None = None) -> HttpWarehouse:
    pool = urllib3.PoolManager(timeout=PATIENT, retries=False)
    return HttpWarehouse(secret or secret_of(TOKEN), url, pool)


def shipments(control: RemoteControl) -> list[dict[str, int]]:
    """What is booked, as quantities by SKU."""
    booked = control.call("GET", "shipments")["shipments"]
    return [{line["sku"]: line["quantity"] for line in shipment["lines"]} for shipment in booked]


@pytest.fixture
def warehouse(depot: WarehouseStandIn) -> HttpWarehouse:
    return warehouse_at(depot.url)


def test_a_shipment_is_booked_once_however_often_it_is_asked_for(
    warehouse: HttpWarehouse, depot_control: RemoteControl
) -> None:
    assert warehouse.ship(ORDER_ID, GOODS) is None
    assert warehouse.ship(ORDER_ID, dict(reversed(GOODS.items()))) is None
    assert shipments(depot_control) == [GOODS]


def test_an_order_of_a_thousand_skus_is_shipped(
    warehouse: HttpWarehouse, depot_control: RemoteControl
) -> None:
    goods = {line.sku: 1 for line in many_lines(1000)}
    assert warehouse.ship(ORDER_ID, goods) is None
    assert shipments(depot_control) == [goods]


@pytest.mark.parametrize("refused", [{"sku": "mug-blue"}, {"order_id": ORDER_ID}])
def test_a_refusal_is_an_answer(
    warehouse: HttpWarehouse, depot_control: RemoteControl, refused: dict[str, str]
) -> None:
    depot_control.call("POST", "refusals", {**refused})
    assert warehouse.ship(ORDER_ID, GOODS) == ShipmentRefused("refused")
    assert shipments(depot_control) == []


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"code":null}', b'{"code":"no good code; with text"}', b"\xff"]
)
def test_a_refusal_without_a_proper_code_has_ours(body: bytes) -> None:
    with answering(http_answer(422, body)) as url:
        assert warehouse_at(url).ship(ORDER_ID, GOODS) == ShipmentRefused("shipment_refused")


def test_another_shipment_under_the_order_is_corrupt(
    warehouse: HttpWarehouse, depot_control: RemoteControl
) -> None:
    warehouse.ship(ORDER_ID, GOODS)
    with pytest.raises(OrderCorrupt):
        warehouse.ship(ORDER_ID, {"mug-blue": 3})
    assert shipments(depot_control) == [GOODS]


def test_an_address_that_refuses_is_unavailable() -> None:
    with pytest.raises(WarehouseUnavailable):
        warehouse_at(f"http://127.0.0.1:{refusing_port()}").ship(ORDER_ID, GOODS)


@pytest.mark.parametrize("answer", [b"", http_answer(201, b"{", 50)], ids=["cut", "torn"])
def test_a_broken_answer_is_unavailable(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(WarehouseUnavailable):
        warehouse_at(url).ship(ORDER_ID, GOODS)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_request_that_no_retry_mends_is_refused(status: int) -> None:
    with answering(http_answer(status, b"{}")) as url, pytest.raises(ProviderRefused):
        warehouse_at(url).ship(ORDER_ID, GOODS)


def test_a_rotated_token_is_fetched_once_and_the_shipment_is_booked(
    depot: WarehouseStandIn, depot_control: RemoteControl
) -> None:
    depot_control.call("POST", "credentials", {"accepted": ["new"]})
    secret = secret_of(TOKEN, "new")
    assert warehouse_at(depot.url, secret).ship(ORDER_ID, GOODS) is None
    assert secret.client.reads == 2


def test_a_token_that_stays_wrong_is_refused_and_told_to_nobody(
    depot: WarehouseStandIn, depot_control: RemoteControl, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    depot_control.call("POST", "credentials", {"accepted": ["new"]})
    with pytest.raises(ProviderRefused) as caught:
        warehouse_at(depot.url).ship(ORDER_ID, GOODS)
    assert depot_control.statistics()["outcomes"] == {"401": 2}
    assert TOKEN not in str(caught.value) + caplog.text


def test_a_cancelled_shipment_is_ruled_out_for_ever(
    warehouse: HttpWarehouse, depot_control: RemoteControl
) -> None:
    assert warehouse.cancel(ORDER_ID)
    assert warehouse.ship(ORDER_ID, GOODS) == ShipmentRefused("cancelled")
    assert warehouse.cancel(ORDER_ID)
    assert shipments(depot_control) == []


def test_what_is_booked_is_not_cancelled(warehouse: HttpWarehouse, depot_control: RemoteControl) -> None:
    warehouse.ship(ORDER_ID, GOODS)
    assert not warehouse.cancel(ORDER_ID)
    assert shipments(depot_control) == [GOODS]


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_cancellation_that_no_retry_mends_is_refused(status: int) -> None:
    with answering(http_answer(status, b"{}")) as url, pytest.raises(ProviderRefused):
        warehouse_at(url).cancel(ORDER_ID)


@pytest.mark.parametrize("answer", [b"", http_answer(200, b"{", 50), http_answer(202, b"{}")])
def test_an_answer_that_is_no_decision_leaves_a_cancellation_unavailable(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(WarehouseUnavailable):
        warehouse_at(url).cancel(ORDER_ID)


def test_a_rotated_token_is_fetched_once_and_the_shipment_is_cancelled(
    depot: WarehouseStandIn, depot_control: RemoteControl
) -> None:
    depot_control.call("POST", "credentials", {"accepted": ["new"]})
    secret = secret_of(TOKEN, "new")
    assert warehouse_at(depot.url, secret).cancel(ORDER_ID)
    assert secret.client.reads == 2


def test_a_token_that_stays_wrong_cancels_nothing(
    depot: WarehouseStandIn, depot_control: RemoteControl
) -> None:
    depot_control.call("POST", "credentials", {"accepted": ["new"]})
    with pytest.raises(ProviderRefused):
        warehouse_at(depot.url).cancel(ORDER_ID)
    assert depot_control.statistics()["outcomes"] == {"401": 2}
