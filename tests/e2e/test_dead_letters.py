"""From a dead letter to a page, and from a replay to the incident's end, on the deployed template."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.domain.catalogue import Product
from lambdas.domain.commands import REPLAY, command_text, process_command
from lambdas.domain.failure import Failure, FailureState, Stake
from lambdas.domain.identifiers import (
    FailureId,
    OrderId,
    PlanId,
    failure_id_for,
    unreadable_failure_id_for,
)
from lambdas.domain.timestamps import to_text, utc_now
from stacks.timeouts import DEAD_LETTER_VISIBILITY_SECONDS
from tests.e2e.bodies import body
from tests.e2e.conftest import ended, eventually
from tests.e2e.test_watchdog import CLIENT, ago
from tests.standins.pages import incidents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.identifiers import Fingerprint
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

PLAN = PlanId("plan_e2e")


def failures_of(pipeline: Pipeline) -> DynamoFailures:
    return DynamoFailures(pipeline.aws("dynamodb"), pipeline.addresses.outputs["FailuresTableName"])


def failure_of(pipeline: Pipeline, failure_id: FailureId) -> Failure:
    """Wait until it is recorded."""
    found = eventually(lambda: failures_of(pipeline).get(failure_id), lambda failure: failure is not None)
    assert found is not None
    return found


def incidents_of(pipeline: Pipeline, fingerprint: Fingerprint) -> list[dict[str, Any]]:
    return incidents(pipeline.pagerduty, f"?dedup_key=orders/local/{fingerprint}")


def kept(pipeline: Pipeline, bucket: str, key: str) -> bytes:
    name = pipeline.addresses.outputs[f"{bucket}BucketName"]
    content: bytes = pipeline.aws("s3").get_object(Bucket=name, Key=key)["Body"].read()
    return content


def run_alert(pipeline: Pipeline) -> None:
    """Run it beside its schedule, which may be running it at this moment."""
    client = pipeline.aws("lambda")
    try:
        answer = client.invoke(FunctionName="orders-local-alert", Payload=b"{}")
    except client.exceptions.TooManyRequestsException:
        return
    assert "FunctionError" not in answer, answer["Payload"].read()


@pytest.fixture
def _impatient(pipeline: Pipeline) -> Iterator[None]:
    """Let a letter that stays come back at once, where 24 minutes would pass before it is given up."""
    sqs, url = pipeline.aws("sqs"), pipeline.addresses.outputs["DeadLetterQueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    yield
    visibility = str(DEAD_LETTER_VISIBILITY_SECONDS)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": visibility})


def change_total(pipeline: Pipeline, order_id: OrderId, by: int) -> None:
    """Make the stored total differ from the sum of the lines, or take that back."""
    pipeline.aws("dynamodb").update_item(
        TableName=pipeline.addresses.outputs["OrdersTableName"],
        Key={"order_id": {"S": order_id}, "item": {"S": "HEAD"}},
        UpdateExpression="ADD #total :by",
        ExpressionAttributeNames={"#total": "total"},
        ExpressionAttributeValues={":by": {"N": str(by)}},
    )


def send(pipeline: Pipeline, text: str, **more: str) -> str:
    """Put a message on the orders queue and return its id."""
    url = pipeline.addresses.outputs["OrdersQueueUrl"]
    answer = pipeline.aws("sqs").send_message(QueueUrl=url, MessageBody=text, **more)
    message_id: str = answer["MessageId"]
    return message_id


def replay(pipeline: Pipeline, failure: Failure) -> None:
    """Do what `orders dlq apply` does: mark the failure, then send its command again."""
    replaying = replace(
        failure,
        state=FailureState.REPLAYING,
        applies=1,
        plan_id=PLAN,
        replayed_at=to_text(utc_now()),
        revision=failure.revision + 1,
    )
    assert failures_of(pipeline).save(failure, replaying)
    send(pipeline, json.dumps({**json.loads(failure.body), REPLAY: PLAN}), MessageGroupId="operators")


@pytest.fixture(scope="module")
def poisoned(pipeline: Pipeline) -> OrderId:
    """An order that fails whenever it is tried, on its way to the dead letters while other tests run."""
    pipeline.stock(Product("POISONED", "GBP", {"list": 1200}, 2000, 10))
    order_id = ago(pipeline).submit("POISONED")
    change_total(pipeline, order_id, +1)
    send(pipeline, command_text(process_command(order_id)), MessageGroupId="a-client")
    return order_id


@pytest.mark.usefixtures("_impatient", "poisoned")
def test_messages_that_are_no_orders_become_failures_and_block_nobody(pipeline: Pipeline, mug: str) -> None:
    unknown = OrderId("ord_" + "b" * 26)
    bodies = ["not json", '{"command":"explode"}', json.dumps({"command": "process", "order_id": unknown})]
    ids = [send(pipeline, text) for text in bodies]
    client = pipeline.client("rupert")
    order_id = client.submit(body((mug, 1)), "beside").order["order_id"]
    assert ended(client, order_id)["status"] == "completed"

    for message_id, text in zip(ids[:2], bodies[:2], strict=True):
        failure = failure_of(pipeline, unreadable_failure_id_for(message_id))
        assert (failure.context.title, failure.body) == ("unreadable:NoCommand", "")
        assert kept(pipeline, "Unreadable", failure.archive_key).decode() == text
    (incident,) = eventually(lambda: incidents_of(pipeline, failure.fingerprint), bool)
    assert (incident["state"], incident["severity"]) == ("triggered", "critical")

    failure = failure_of(pipeline, failure_id_for(unknown))
    assert failure.context.title == "validate:OrderNotFound"
    assert failure.stake == Stake()
    (incident,) = eventually(lambda: incidents_of(pipeline, failure.fingerprint), bool)
    assert incident["severity"] == "error"


def test_a_poisoned_order_pages_once_and_its_replay_ends_the_incident(
    pipeline: Pipeline, poisoned: OrderId
) -> None:
    order_id, failure = poisoned, failure_of(pipeline, failure_id_for(poisoned))
    context = failure.context
    assert (context.title, context.attempts) == ("validate:OrderCorrupt", 4)
    assert context.frame.startswith("services/validate_order.py:")
    assert context.error is not None
    assert context.error.endswith("is not the sum of its lines")
    assert context.claim
    assert context.execution
    assert context.code_version
    assert failure.stake == Stake("GBP", 2401, "attention_required", "pending", "unreserved")
    assert (failure.state, failure.letters) == (FailureState.OPEN, 1)

    letter = json.loads(kept(pipeline, "Archive", failure.archive_key))
    assert json.loads(letter["message"]["body"]) == {"command": "process", "order_id": order_id}
    assert letter["context"]["error_class"] == "OrderCorrupt"

    (incident,) = eventually(lambda: incidents_of(pipeline, failure.fingerprint), bool)
    assert (incident["state"], incident["severity"], incident["alerts"]) == ("triggered", "error", 1)
    assert (
        incident["custom_details"]["command"] == f"orders dlq plan --group {failure.fingerprint} --env local"
    )
    assert incident["custom_details"]["money_at_stake"] == ["24.01 GBP"]
    assert order_id not in json.dumps(incident)

    change_total(pipeline, order_id, -1)
    replay(pipeline, failure)
    assert ended(pipeline.client(CLIENT), order_id)["status"] == "completed"
    contexts = DynamoFailureContexts(
        pipeline.aws("dynamodb"), pipeline.addresses.outputs["FailuresTableName"]
    )
    assert eventually(lambda: contexts.has_come_through(failure.failure_id, PLAN), bool)

    def look() -> list[dict[str, Any]]:
        run_alert(pipeline)
        return incidents_of(pipeline, failure.fingerprint)

    (incident,) = eventually(look, lambda found: found[0]["state"] == "resolved", pause=1)
    assert incident["alerts"] == 1
    assert failure_of(pipeline, failure.failure_id).state is FailureState.RESOLVED
    assert len(pipeline.entries(order_id)) == 1
    assert len(pipeline.shipments(order_id)) == 1
