"""Entry point of the dead-letter queue: an SQS batch in, the letters that have to stay out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.letter_archive import S3Archive
from lambdas.domain.failure import DeadLetter
from lambdas.domain.timestamps import to_text, utc_now
from lambdas.environment import ReplayEnvironment, read_environment
from lambdas.paging import pager_of
from lambdas.services.drain_dead_letters import DrainDeadLetters, Drained
from lambdas.services.tell_pager import Told
from lambdas.step_log import describe

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.drain_dead_letters import Batch

logger = Logger()
metrics = Metrics()


class NothingDrained(Exception):
    """Every letter of a batch has to stay, because of what is wrong with us; all come back."""


def build() -> DrainDeadLetters:
    """Put the drain together."""
    environment = read_environment(ReplayEnvironment, os.environ)
    metrics.set_default_dimensions(environment=environment.environment)
    dynamodb = make_client("dynamodb")
    failures = DynamoFailures(dynamodb, environment.failures_table)
    return DrainDeadLetters(
        contexts=DynamoFailureContexts(dynamodb, environment.failures_table),
        failures=failures,
        archive=S3Archive(make_client("s3"), environment.archive_bucket, environment.unreadable_bucket),
        orders=DynamoOrders(dynamodb, environment.orders_table),
        refunds=DynamoRefunds(dynamodb, environment.orders_table),
        tell=pager_of(environment, failures, make_client("secretsmanager"), utc_now),
        now=utc_now,
    )


drain = build()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Drain a batch; raises NothingDrained, which the alarm on this function's errors sees."""
    batch = drain([_letter(record) for record in event["Records"]])
    for drained in batch.letters:
        _log(drained)
    for fingerprint, told in batch.told.items():
        if told is not Told.NOTHING:
            logger.info("pager told", extra={"fingerprint": fingerprint, "told": told})
    _count(batch)
    kept = [drained for drained in batch.letters if drained.keep]
    if kept == batch.letters and all(drained.fault for drained in kept):
        raise NothingDrained(f"{len(kept)} letters stay")
    return {"batchItemFailures": [{"itemIdentifier": drained.letter.message_id} for drained in kept]}


def _letter(record: dict[str, Any]) -> DeadLetter:
    attributes = record["attributes"]
    return DeadLetter(
        message_id=record["messageId"],
        body=record["body"],
        sent_at=to_text(datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)),
        receives=int(attributes["ApproximateReceiveCount"]),
        group=attributes.get("MessageGroupId"),
    )


def _log(drained: Drained) -> None:
    """Write one line for each letter, under the ids that its order's story is found by."""
    facts = {
        **(drained.command or {}),
        "message_id": drained.letter.message_id,
        "receives": drained.letter.receives,
    }
    failure = drained.failure
    if drained.fault:
        logger.error("dead letter stays", extra={**facts, **describe(drained.fault)})
    elif failure is None:
        logger.warning("dead letter not readable yet", extra=facts)
    else:
        facts |= {
            "failure_id": failure.failure_id,
            "fingerprint": failure.fingerprint,
            "title": failure.context.title,
            "state": failure.state,
            "letters": failure.letters,
            "archive_key": failure.archive_key,
        }
        logger.warning("dead letter drained", extra=facts)


def _count(batch: Batch) -> None:
    metrics.add_metric("LettersKept", MetricUnit.Count, sum(drained.keep for drained in batch.letters))
    quarantined = sum(drained.quarantined for drained in batch.letters)
    metrics.add_metric("FailuresQuarantined", MetricUnit.Count, quarantined)
    metrics.add_metric("AlertsRefused", MetricUnit.Count, sum(t is Told.REFUSED for t in batch.told.values()))
