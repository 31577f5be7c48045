"""The orders queue against moto's SQS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.clients import make_client
from lambdas.adapters.order_queue import SqsOrderQueue
from lambdas.domain.commands import read_command
from lambdas.domain.errors import QueueUnavailable
from lambdas.domain.identifiers import ClientId, queue_group_for, refund_id_for
from tests.adapters.endpoints import refusing_port
from tests.adapters.examples import CLIENT, an_order

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER_ID = an_order().order_id
REFUND_ID = refund_id_for(ORDER_ID, CLIENT, "key-1")
CALLS: dict[str, Callable[[SqsOrderQueue], object]] = {
    "send": lambda queue: queue.send_process(ORDER_ID, CLIENT),
    "send cancel": lambda queue: queue.send_cancel(ORDER_ID, CLIENT),
    "send refund": lambda queue: queue.send_refund(ORDER_ID, REFUND_ID, CLIENT),
    "send again": lambda queue: queue.send_again("{}", None, 1),
    "delay": lambda queue: queue.delay("receipt", 1),
    "waiting": lambda queue: queue.waiting(),
}


@pytest.fixture
def sqs(aws: None) -> Any:  # noqa: ARG001 - the client needs it
    return make_client("sqs")


@pytest.fixture
def queue(sqs: Any) -> SqsOrderQueue:
    url = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "1200"})["QueueUrl"]
    return SqsOrderQueue(sqs, url)


def receive(queue: SqsOrderQueue) -> list[dict[str, Any]]:
    answer = queue.client.receive_message(
        QueueUrl=queue.queue_url, AttributeNames=["All"], MaxNumberOfMessages=10
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_a_message_is_a_command_that_dispatch_reads_with_ids_alone(queue: SqsOrderQueue) -> None:
    queue.send_process(ORDER_ID, CLIENT)
    (message,) = receive(queue)
    assert read_command(message["Body"]) == json.loads(message["Body"])
    assert json.loads(message["Body"]) == {"command": "process", "order_id": ORDER_ID}


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("send cancel", {"command": "cancel", "order_id": ORDER_ID}),
        ("send refund", {"command": "refund", "order_id": ORDER_ID, "refund_id": REFUND_ID}),
    ],
)
def test_a_cancellation_and_a_refund_are_commands_of_the_clients_group(
    queue: SqsOrderQueue, name: str, command: dict[str, str]
) -> None:
    CALLS[name](queue)
    (message,) = receive(queue)
    assert json.loads(message["Body"]) == read_command(message["Body"]) == command
    assert message["Attributes"]["MessageGroupId"] == queue_group_for(CLIENT)
    queue.send_again(message["Body"], None, 0)
    (again,) = receive(queue)
    assert again["Body"] == message["Body"]


def test_messages_are_grouped_by_client_without_naming_it(queue: SqsOrderQueue) -> None:
    for client in (CLIENT, CLIENT, ClientId("shop-2")):
        queue.send_process(ORDER_ID, client)
    groups = [message["Attributes"]["MessageGroupId"] for message in receive(queue)]
    assert sorted(groups) == sorted([queue_group_for(CLIENT)] * 2 + [queue_group_for(ClientId("shop-2"))])
    assert not any(CLIENT in group for group in groups)


@pytest.mark.parametrize("group", ["a-group", None])
def test_a_message_sent_again_is_a_new_one_of_the_same_group(queue: SqsOrderQueue, group: str | None) -> None:
    queue.send_process(ORDER_ID, CLIENT)
    (first,) = receive(queue)
    queue.send_again(first["Body"], group, 0)
    (second,) = receive(queue)
    assert second["MessageId"] != first["MessageId"]
    assert second["Body"] == first["Body"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "1"
    assert second["Attributes"].get("MessageGroupId") == group


def test_a_message_sent_again_waits(queue: SqsOrderQueue) -> None:
    queue.send_again(json.dumps({"command": "process", "order_id": ORDER_ID}), None, 900)
    assert receive(queue) == []
    attributes = queue.client.get_queue_attributes(QueueUrl=queue.queue_url, AttributeNames=["All"])[
        "Attributes"
    ]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_received_message_comes_back_when_it_is_told_to(queue: SqsOrderQueue) -> None:
    queue.send_process(ORDER_ID, CLIENT)
    (message,) = receive(queue)
    assert receive(queue) == []
    queue.delay(message["ReceiptHandle"], 0)
    (again,) = receive(queue)
    assert again["MessageId"] == message["MessageId"]


@pytest.mark.parametrize("name", CALLS)
def test_a_queue_that_refuses_is_unavailable(sqs: Any, name: str) -> None:
    with pytest.raises(QueueUnavailable):
        CALLS[name](SqsOrderQueue(sqs, "https://sqs.eu-west-1.amazonaws.com/123456789012/none"))


@pytest.mark.parametrize("name", CALLS)
def test_a_queue_that_does_not_answer_is_unavailable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{refusing_port()}")
    client = make_client("sqs", attempts=1)
    with pytest.raises(QueueUnavailable):
        CALLS[name](SqsOrderQueue(client, f"{client.meta.endpoint_url}/123456789012/orders"))


def test_what_waits_is_counted_and_what_was_received_is_not(queue: SqsOrderQueue) -> None:
    for _ in range(3):
        queue.send_process(ORDER_ID, CLIENT)
    assert queue.waiting() == 3
    received = receive(queue)
    assert queue.waiting() == 3 - len(received)
