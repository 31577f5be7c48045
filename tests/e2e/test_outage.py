"""The provider is down for a while, on the deployed template: orders wait and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.commands import read_command
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
    assert not set(ids) & dead_orders(pipeline)
    opened = [line for line in pipeline.logs().splitlines() if "breaker opened" in line]
    assert sum(order_id in line for line in opened for order_id in ids) == 1


def dead_orders(pipeline: Pipeline) -> set[str]:
    """The orders that dead letters name; those of other tests, which may be no commands, are there too."""
    sqs, url = pipeline.aws("sqs"), pipeline.addresses.outputs["DeadLetterQueueUrl"]
    found: dict[str, str] = {}
    # Hidden once received, so that every letter is seen, and there again for the tests that come after.
    while letters := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30).get(
        "Messages"
    ):
        found |= {letter["ReceiptHandle"]: letter["Body"] for letter in letters}
    for handle in found:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return {command["order_id"] for body in found.values() if (command := read_command(body))}
