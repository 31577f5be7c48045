"""Clients that change their minds, through the deployed template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orders.api_client import ApiRefused
from tests.e2e.bodies import body
from tests.e2e.conftest import ended, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine


def test_an_order_that_the_warehouse_has_not_taken_is_voided_and_given_back(
    pipeline: Pipeline, mug: str
) -> None:
    client = pipeline.client("cancels")
    pipeline.warehouse.fault("error_before", method="PUT", count=100, status=503)
    try:
        order_id = client.submit(body((mug, 2)), "cancelled").order["order_id"]
        eventually(lambda: client.get(order_id), lambda o: o["fulfillment_status"] == "reserved")
        assert pipeline.on_hand(mug) == 998
        taken = client.cancel(order_id, b'{"reason_code": "mistake"}', "cancel-1")
        assert (taken["status"], taken["reason_code"]) == ("requested", "mistake")
        order = ended(client, order_id)
    finally:
        pipeline.warehouse.call("DELETE", "faults")
    assert (order["status"], order["reason"]) == ("cancelled", "mistake")
    assert (order["payment_status"], order["fulfillment_status"]) == ("voided", "released")
    assert order["cancellation"]["status"] == "done"
    (intent,) = pipeline.intents(order_id)
    assert (intent["status"], intent["captured"]) == ("canceled", 0)
    assert pipeline.on_hand(mug) == 1000
    assert pipeline.shipments(order_id) == []
    assert pipeline.entries(order_id) == []
    assert client.cancel(order_id, b'{"reason_code": "mistake"}', "cancel-1") == taken


def test_an_order_that_the_warehouse_took_without_saying_so_is_sold(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("cancels late")
    pipeline.warehouse.fault("error_after", method="PUT", count=100, status=503)
    try:
        order_id = client.submit(body((mug, 1)), "too late").order["order_id"]
        eventually(lambda: client.get(order_id), lambda o: o["fulfillment_status"] == "reserved")
        client.cancel(order_id, b"{}", "cancel-1")
        order = ended(client, order_id)
    finally:
        pipeline.warehouse.call("DELETE", "faults")
    assert (order["status"], order["payment_status"]) == ("completed", "captured")
    assert order["cancellation"]["status"] == "refused"
    assert len(pipeline.shipments(order_id)) == 1
    assert pipeline.on_hand(mug) == 999


def test_an_order_that_has_ended_is_not_cancelled(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("cancels too late")
    sold = ended(client, client.submit(body((mug, 1)), "sold").order["order_id"])
    refused = ended(
        client, client.submit(body((mug, 1), card="pm_card_chargeDeclined"), "no").order["order_id"]
    )
    for order, code in ((sold, "use_refund"), (refused, "already_ended")):
        with pytest.raises(ApiRefused) as refusal:
            client.cancel(order["order_id"], b"{}", "cancel-1")
        assert (refusal.value.status, refusal.value.problem["code"]) == (409, code)
