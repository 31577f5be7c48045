"""The provider is down for a while, on the deployed template: orders wait and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.domain.identifiers import OrderId, failure_id_for
from tests.e2e.bodies import body
from tests.e2e.conftest import ended

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

ORDERS = 40
SECONDS = 12.0


def test_orders_wait_for_the_provider_and_none_is_a_dead_letter(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("outage")
    pipeline.provider.call("DELETE", "statistics")
    pipeline.provider.call("POST", "down", {"seconds": SECONDS, "status": 503})
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda n: client.submit(body((mug, 1)), f"out-{n}").order["order_id"], range(ORDERS))
        ids = list(made)
    orders = [ended(client, order_id, seconds=120) for order_id in ids]
    assert {order["status"] for order in orders} == {"completed"}
    for order in orders:
        assert "attention_required" not in {event["event"] for event in order["timeline"]}
        (intent,) = pipeline.intents(order["order_id"])
        assert intent["captured"] == 1200
        assert len(pipeline.entries(order["order_id"])) == 1
    assert pipeline.on_hand(mug) == 1000 - ORDERS
    failures = DynamoFailures(pipeline.aws("dynamodb"), pipeline.addresses.outputs["FailuresTableName"])
    assert not [order_id for order_id in ids if failures.get(failure_id_for(OrderId(order_id)))]
    opened = [line for line in pipeline.logs().splitlines() if "breaker opened" in line]
    assert sum(order_id in line for line in opened for order_id in ids) == 1
