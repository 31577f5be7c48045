"""Entry point of the watchdog, which a schedule runs; it takes nothing from its event."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.open_orders import DynamoOpenOrders
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.order_queue import SqsOrderQueue
from lambdas.domain.timestamps import utc_now
from lambdas.domain.watch import watch_rules
from lambdas.environment import WatchdogEnvironment, read_environment
from lambdas.services.watch_orders import Finding, Watched, WatchOrders

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.domain.identifiers import OrderId

METRICS: Final = {
    Finding.HANDED_BACK: "OrdersHandedBack",
    Finding.EXPIRING: "AuthorisationsExpiring",
    Finding.EXPIRED: "AuthorisationsExpired",
    Finding.STUCK: "OrdersStuck",
}
_MESSAGES: Final = {
    Finding.HANDED_BACK: "order handed back",
    Finding.EXPIRING: "authorisation expiring",
    Finding.EXPIRED: "authorisation given up",
    Finding.STUCK: "order stuck",
    Finding.FAILED: "order could not be looked after",
}

logger = Logger()
metrics = Metrics()


class WatchIncomplete(Exception):
    """Some orders could not be looked after; the next run will try again."""


def build() -> WatchOrders:
    """Put the watchdog together."""
    environment = read_environment(WatchdogEnvironment, os.environ)
    metrics.set_default_dimensions(environment=environment.environment)
    dynamodb = make_client("dynamodb")
    table = environment.orders_table
    return WatchOrders(
        open_orders=DynamoOpenOrders(dynamodb, table),
        orders=DynamoOrders(dynamodb, table),
        refunds=DynamoRefunds(dynamodb, table),
        queue=SqsOrderQueue(make_client("sqs"), environment.orders_queue_url),
        rules=watch_rules(
            environment.stale_minutes,
            environment.authorisation_warning_days,
            environment.authorisation_expiry_days,
        ),
        now=utc_now,
        tell=_tell,
    )


def _tell(order_id: OrderId, finding: Finding, fault: str) -> None:
    facts = {"order_id": order_id, **({"fault": fault} if fault else {})}
    match finding:
        case Finding.HANDED_BACK:
            logger.info(_MESSAGES[finding], extra=facts)
        case Finding.FAILED | Finding.STUCK:
            logger.error(_MESSAGES[finding], extra=facts)
        case _:
            logger.warning(_MESSAGES[finding], extra=facts)


watch = build()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handle(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look after the open orders; raises WatchIncomplete, which the alarm on this function's errors sees."""
    watched = watch(lambda: context.get_remaining_time_in_millis() / 1_000)
    for finding, name in METRICS.items():
        metrics.add_metric(name, MetricUnit.Count, watched.findings[finding])
    report = _report(watched)
    logger.info("open orders watched", extra=report)
    if watched.fault or watched.findings[Finding.FAILED]:
        raise WatchIncomplete(watched.fault or f"{watched.findings[Finding.FAILED]} orders failed")
    return report


def _report(watched: Watched) -> dict[str, Any]:
    left = watched.left
    return {
        "looked_at": watched.looked_at,
        **{str(finding): count for finding, count in watched.findings.items()},
        "left_from": left.start if left else None,
        "fault": watched.fault,
    }
