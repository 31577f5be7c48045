"""Queues that call functions. None of it needs a shim; the pipeline rests on each."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.cloud import allow, unique

if TYPE_CHECKING:
    from tests.engine.cloud import Cloud

pytestmark = pytest.mark.engine

# Reports what it got to the queue REPORTS, and fails the messages that say so.
REPORTING = """
    import json, os, time
    import boto3
    sqs = boto3.client("sqs")
    def handle(event, context):
        failed = []
        for record in event["Records"]:
            if record["body"] == "again":
                sqs.change_message_visibility(
                    QueueUrl=os.environ["SOURCE"],
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=1,
                )
            if record["body"] in ("again", "fail"):
                failed.append({"itemIdentifier": record["messageId"]})
        report = {
            "bodies": [record["body"] for record in event["Records"]],
            "receives": [
                int(record["attributes"]["ApproximateReceiveCount"]) for record in event["Records"]
            ],
            "at": time.time(),
        }
        sqs.send_message(QueueUrl=os.environ["REPORTS"], MessageBody=json.dumps(report))
        time.sleep(float(os.environ["SECONDS"]))
        return {"batchItemFailures": failed}
"""


class Pipe:
    """A queue, a function on it, and the queue of what the function reports."""

    def __init__(self, cloud: Cloud, seconds: float = 0, **mapping: Any) -> None:
        self.cloud = cloud
        self.dead = cloud.queue()
        redrive = {"deadLetterTargetArn": cloud.queue_arn(self.dead), "maxReceiveCount": 2}
        self.source = cloud.queue(VisibilityTimeout="60", RedrivePolicy=json.dumps(redrive))
        self.reports = cloud.queue()
        function = cloud.function(
            REPORTING,
            Role=cloud.role(unique("role"), allow("sqs:*")),
            Environment={
                "Variables": {
                    "SOURCE": self.source,
                    "REPORTS": self.reports,
                    "SECONDS": str(seconds),
                }
            },
        )
        cloud.functions.create_event_source_mapping(
            EventSourceArn=cloud.queue_arn(self.source),
            FunctionName=function,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **mapping,
        )

    def send(self, *bodies: str) -> None:
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        self.cloud.queues.send_message_batch(QueueUrl=self.source, Entries=entries)

    def report(self) -> dict[str, Any]:
        """The next report; fails when there is none within ten seconds."""
        answer = self.cloud.queues.receive_message(QueueUrl=self.reports, WaitTimeSeconds=10)
        [message] = answer["Messages"]
        self.cloud.queues.delete_message(QueueUrl=self.reports, ReceiptHandle=message["ReceiptHandle"])
        report: dict[str, Any] = json.loads(message["Body"])
        return report


def test_a_failed_message_comes_back_when_the_function_says(mended: Cloud) -> None:
    pipe = Pipe(mended)
    pipe.send("good", "again")
    first = pipe.report()
    while "again" not in first["bodies"]:  # the two may have come in batches of their own
        first = pipe.report()
    second = pipe.report()
    while "again" not in second["bodies"]:
        second = pipe.report()
    assert second["bodies"] == ["again"]
    assert second["receives"] == [2]
    assert 0.9 < second["at"] - first["at"] < 4
    answer = mended.queues.receive_message(QueueUrl=pipe.dead, WaitTimeSeconds=10)
    assert [message["Body"] for message in answer["Messages"]] == ["again"]


def test_an_idle_function_is_called_at_once(mended: Cloud) -> None:
    pipe = Pipe(mended)
    pipe.send("warm")
    pipe.report()
    sent = time.time()
    pipe.send("now")
    assert pipe.report()["at"] - sent < 0.3


def test_no_more_batches_run_at_once_than_the_mapping_allows(mended: Cloud) -> None:
    pipe = Pipe(mended, seconds=0.6, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    pipe.send(*(str(n) for n in range(6)))
    starts = sorted(pipe.report()["at"] for _ in range(6))
    assert all(later - earlier > 0.5 for earlier, later in zip(starts, starts[2:], strict=False))
