"""Entry point of the orders queue: an SQS batch in, the items that failed out."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.breaker import DynamoBreaker
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.order_queue import SqsOrderQueue
from lambdas.adapters.workflow import StepFunctionsWorkflow
from lambdas.domain.commands import replay_of
from lambdas.domain.errors import PaymentOutcomeUnknown
from lambdas.domain.timestamps import to_text, utc_now
from lambdas.domain.workflow import READ_SECONDS
from lambdas.environment import DispatchEnvironment, read_environment
from lambdas.services.dispatch_batch import Decision, DispatchBatch, Dispatched, Message
from lambdas.services.outage_guard import Change, OutageGuard
from lambdas.services.pacing import Pacer
from lambdas.services.remember_failure import RememberFailure
from lambdas.step_log import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.domain.commands import Command

# What alarms watch: an outage's beginning, that orders still wait for its end, and money left in doubt.
BREAKER_OPENED: Final = "BreakerOpened"
ORDERS_PARKED: Final = "OrdersParked"
OUTCOMES_UNKNOWN: Final = "PaymentOutcomesUnknown"

logger = Logger()
metrics = Metrics()


def build() -> DispatchBatch:
    """Put the dispatcher together."""
    environment = read_environment(DispatchEnvironment, os.environ)
    metrics.set_default_dimensions(environment=environment.environment)
    states = make_client("stepfunctions", read_timeout=READ_SECONDS, attempts=1)
    dynamodb = make_client("dynamodb")
    # What becomes of a message waits for it, after an execution that may have taken all of dispatch's time.
    contexts = DynamoFailureContexts(
        make_client("dynamodb", read_timeout=1, attempts=1), environment.failures_table
    )
    return DispatchBatch(
        workflow=StepFunctionsWorkflow(states, environment.state_machine_arn),
        orders=DynamoOrderStore(dynamodb, environment.orders_table),
        refunds=DynamoRefunds(dynamodb, environment.orders_table),
        queue=SqsOrderQueue(make_client("sqs"), environment.orders_queue_url),
        guard=OutageGuard(
            DynamoBreaker(dynamodb, environment.idempotency_table), environment.probe_seconds, time.time
        ),
        pacer=Pacer(environment.starts_per_second),
        now=utc_now,
        max_receives=environment.max_receives,
        delays=environment.redelivery_delays,
        remember=RememberFailure(
            contexts, contexts, utc_now, environment.code_version, _trace_id, _tell_forgotten
        ),
    )


def _trace_id() -> str | None:
    """Return X-Ray's trace of this invocation, which Lambda puts where its own library looks for it."""
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    parts = dict(part.partition("=")[::2] for part in header.split(";"))
    return parts.get("Root")


def _tell_forgotten(command: Command, error: Exception) -> None:
    logger.error("failure not kept", extra={**command, **describe(error)})


dispatch = build()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Run the workflow for each message and report those to keep."""
    results = dispatch([_message(record) for record in event["Records"]])
    for result in results:
        _log(result)
    _count(results)
    return {"batchItemFailures": [{"itemIdentifier": r.message.message_id} for r in results if r.keep]}


def _count(results: Sequence[Dispatched]) -> None:
    """Emit what the outside did to a batch; where it did nothing this emits nothing, since each line costs.

    The breaker tells the one instance whose write opened it, so that all together count an outage once.
    """
    counts = {
        BREAKER_OPENED: sum(result.breaker is Change.OPENED for result in results),
        ORDERS_PARKED: sum(result.decision is Decision.PARKED for result in results),
        OUTCOMES_UNKNOWN: sum(_is_outcome_unknown(result) for result in results),
    }
    if not any(counts.values()):
        return
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()


def _is_outcome_unknown(result: Dispatched) -> bool:
    return result.execution is not None and result.execution.error_class == PaymentOutcomeUnknown.__name__


def _message(record: dict[str, Any]) -> Message:
    attributes = record["attributes"]
    return Message(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receives=int(attributes["ApproximateReceiveCount"]),
        group=attributes.get("MessageGroupId"),
        sent_at=to_text(datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)),
    )


def _log(result: Dispatched) -> None:
    """Write one line for each receive of a message, with the ids that its order's story is found by."""
    execution = result.execution
    facts = {
        **(result.command or {}),
        "claim": result.claim,
        "message_id": result.message.message_id,
        "sent_at": result.message.sent_at,
        "receives": result.message.receives,
        "decision": result.decision,
        "execution": execution.state if execution else None,
        "began_at": result.began_at,
        "duration_ms": result.duration_ms,
    }
    if result.command and (plan_id := replay_of(result.message.body)):
        facts["replay"] = plan_id
    if result.breaker is Change.OPENED:
        logger.error("breaker opened: a service outside is down, orders wait", extra=facts)
    elif result.breaker:
        logger.warning("breaker changed", extra={**facts, "breaker": result.breaker})
    if result.fault:
        logger.error("dispatch failed", extra={**facts, **describe(result.fault)})
    elif result.decision is Decision.PARKED:
        logger.info("parked", extra=facts)
    elif result.decision is Decision.DONE:
        logger.info("dispatched", extra=facts)
    elif execution is None:
        logger.error("not a command of ours", extra=facts)
    else:
        failure = {"step": execution.step, "error_class": execution.error_class}
        logger.error("execution failed", extra={**facts, **failure})
