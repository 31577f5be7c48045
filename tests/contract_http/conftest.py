"""A pipeline with orders in every state, and what schemathesis needs to know of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orders.local.run import LocalRun, Ports
from orders.sample_orders import CATALOGUE
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import Pipeline, ended, free_ports, refunds_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.api_client import OrdersClient

CLIENT = "contract"
_COMPLETED = 12
_REFUNDED = 4


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Pipeline]:
    """Start a pipeline with the catalogue of the document's examples."""
    with LocalRun(Ports(*free_ports(4)), None, lambda *_: None, announce=False) as run:
        pipeline = Pipeline(run.addresses)
        pipeline.stock(*CATALOGUE)
        yield pipeline


@pytest.fixture(scope="session")
def configuration(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the configuration with dictionaries of real ids and cursors beside it."""
    folder = tmp_path_factory.mktemp("schemathesis")
    client = pipeline.client(CLIENT)
    completed = _completed(client)
    words = {
        "orders": [*completed, _cancelled(pipeline, client), _rejected(client)],
        "refunds": [_refund(client, order_id) for order_id in completed[:_REFUNDED]],
        "cursors": [cursor for size in (1, 2) if (cursor := client.page(limit=size)[1])],
        "skus": [product.sku for product in CATALOGUE],
    }
    for name, found in words.items():
        (folder / f"{name}.txt").write_text("\n".join(map(json.dumps, found)))
    ours = Path(__file__).with_name("schemathesis.toml")
    copy = folder / ours.name
    copy.write_text(ours.read_text())
    return copy


def _completed(client: OrdersClient) -> list[str]:
    sent = [
        client.submit(body(("MUG-BLUE", 100), ("TEA-ASSAM", 100)), f"completed-{number}").order["order_id"]
        for number in range(_COMPLETED)
    ]
    assert {ended(client, order_id)["status"] for order_id in sent} == {"completed"}
    return sent


def _cancelled(pipeline: Pipeline, client: OrdersClient) -> str:
    """Cancel an order that the warehouse cannot take yet."""
    pipeline.warehouse.fault("error_before", method="PUT", count=100, status=503)
    try:
        order_id: str = client.submit(body(("MUG-BLUE", 1)), "cancelled").order["order_id"]
        client.cancel(order_id, b"", "cancel")
        assert ended(client, order_id)["status"] == "cancelled"
    finally:
        pipeline.warehouse.call("DELETE", "faults")
    return order_id


def _rejected(client: OrdersClient) -> str:
    order = client.submit(body(("MUG-BLUE", 1), card="pm_card_chargeDeclined"), "rejected").order
    assert ended(client, order["order_id"])["status"] == "rejected"
    order_id: str = order["order_id"]
    return order_id


def _refund(client: OrdersClient, order_id: str) -> str:
    refund_id: str = client.refund(order_id, refund_of(amount=100), "first").order["refund_id"]
    refunds_ended(client, order_id)
    return refund_id
