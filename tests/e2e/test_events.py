"""What a subscriber receives from the deployed bus, by a rule of its own with a queue as its target."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.identifiers import OrderId
from tests.contract.schemas import TYPES, errors
from tests.contract.test_cloudevents import check
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, eventually, refunds_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders.api_client import OrdersClient
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

Delivery = dict[str, Any]


@dataclass
class Subscriber:
    """A queue behind a rule on the pipeline's bus, which keeps what it has received."""

    sqs: Any
    queue: str
    received: list[Delivery] = field(default_factory=list)

    def of(self, order_id: str, count: int) -> list[Delivery]:
        """Wait for that many different events of an order, and return all that came, repeats too."""

        def mine() -> list[Delivery]:
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.received.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            return [delivery for delivery in self.received if delivery["detail"]["subject"] == order_id]

        return eventually(mine, lambda found: len({d["detail"]["id"] for d in found}) >= count)


@pytest.fixture
def subscriber(pipeline: Pipeline) -> Iterator[Subscriber]:
    sqs, events = pipeline.aws("sqs"), pipeline.aws("events")
    name = f"subscriber-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"EventBusName": pipeline.addresses.outputs["EventBusName"]}
    pattern = {"source": ["orders.local"], "detail-type": list(TYPES)}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), **rule)
    events.put_targets(Rule=name, Targets=[{"Id": "inbox", "Arn": arn}], **rule)
    yield Subscriber(sqs, queue)
    events.remove_targets(Rule=name, Ids=["inbox"], **rule)
    events.delete_rule(Name=name, **rule)
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def client(pipeline: Pipeline) -> OrdersClient:
    return pipeline.client("subscribed to")


def check_delivery(delivery: Delivery, type_: str) -> dict[str, Any]:
    """The envelope says of what type it is; the detail fits its schema and is a CloudEvent."""
    detail: dict[str, Any] = delivery["detail"]
    assert (delivery["source"], delivery["detail-type"]) == ("orders.local", type_)
    assert errors(detail, type_) == []
    check(detail)
    return detail


def submitted(client: OrdersClient, sku: str, **wish: Any) -> str:
    key = str(uuid.uuid4())
    return OrderId(client.submit(body((sku, 2), **wish), key).order["order_id"])


def test_a_sale_and_its_refunds(
    pipeline: Pipeline, client: OrdersClient, subscriber: Subscriber, mug: str
) -> None:
    order_id = submitted(client, mug)
    order = ended(client, order_id)
    (delivery,) = subscriber.of(order_id, 1)
    sale = check_delivery(delivery, "order.completed.v1")
    assert (sale["id"], sale["time"]) == (f"{order_id}.completed", order["timeline"][-1]["at"])
    assert (sale["data"]["total"], sale["data"]["payment_status"]) == (2400, "captured")

    client.refund(order_id, refund_of(lines=[{"line": 1, "quantity": 1}], restock=True), "first")
    refunds_ended(client, order_id)
    client.refund(order_id, refund_of(reason_code="goodwill"), "rest")
    refunds = refunds_ended(client, order_id)
    _, *deliveries = subscriber.of(order_id, 3)
    details = [check_delivery(delivery, "order.refunded.v1") for delivery in deliveries]
    assert [(d["id"], d["data"]["refund"]["amount"], d["data"]["refund"]["restock"]) for d in details] == [
        (f"{refunds[0]['refund_id']}.succeeded", 1200, True),
        (f"{refunds[1]['refund_id']}.succeeded", 1200, False),
    ]
    assert [(d["data"]["refunded"], d["data"]["payment_status"]) for d in details] == [
        (1200, "partially_refunded"),
        (2400, "refunded"),
    ]
    # A second message for the order: its outcome is published again, as it was.
    pipeline.aws("sqs").send_message(
        QueueUrl=pipeline.addresses.outputs["OrdersQueueUrl"],
        MessageBody=json.dumps({"command": "process", "order_id": order_id}),
    )
    found = eventually(lambda: subscriber.of(order_id, 3), lambda found: len(found) == 4)
    assert found[3]["detail"] == sale


def test_a_declined_order(client: OrdersClient, subscriber: Subscriber, mug: str) -> None:
    order_id = submitted(client, mug, card="pm_card_visa_chargeDeclinedInsufficientFunds")
    ended(client, order_id)
    (delivery,) = subscriber.of(order_id, 1)
    event = check_delivery(delivery, "order.rejected.v1")
    assert event["id"] == f"{order_id}.rejected"
    assert event["data"]["reason"] == "payment_declined:insufficient_funds"


def test_a_cancelled_order(
    pipeline: Pipeline, client: OrdersClient, subscriber: Subscriber, mug: str
) -> None:
    pipeline.warehouse.fault("error_before", method="PUT", count=100, status=503)
    try:
        order_id = submitted(client, mug)
        eventually(lambda: client.get(order_id), lambda order: order["fulfillment_status"] == "reserved")
        client.cancel(order_id, b'{"reason_code": "mistake"}', "cancel")
        ended(client, order_id)
    finally:
        pipeline.warehouse.call("DELETE", "faults")
    deliveries = subscriber.of(order_id, 1)
    event = check_delivery(deliveries[0], "order.cancelled.v1")
    assert (event["id"], event["data"]["reason"]) == (f"{order_id}.cancelled", "mistake")
    assert (event["data"]["payment_status"], event["data"]["fulfillment_status"]) == ("voided", "released")
    assert all(delivery["detail"] == event for delivery in deliveries)
