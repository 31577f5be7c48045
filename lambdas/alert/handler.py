"""Entry point of the reconciliation with PagerDuty, which a schedule runs; its event says nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.adapters.dynamodb.open_orders import DynamoOpenOrders
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.domain.timestamps import utc_now
from lambdas.environment import PagingEnvironment, read_environment
from lambdas.paging import pager_of
from lambdas.services.reconcile_incidents import Reconciled, ReconcileIncidents
from lambdas.services.tell_pager import Told

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()


class ReconciliationIncomplete(Exception):
    """Some groups could not be looked at; the next run will try again."""


def build() -> ReconcileIncidents:
    """Put the reconciliation together."""
    environment = read_environment(PagingEnvironment, os.environ)
    metrics.set_default_dimensions(environment=environment.environment)
    dynamodb = make_client("dynamodb")
    failures = DynamoFailures(dynamodb, environment.failures_table)
    return ReconcileIncidents(
        failures=failures,
        marks=DynamoFailureContexts(dynamodb, environment.failures_table),
        orders=DynamoOpenOrders(dynamodb, environment.orders_table),
        refunds=DynamoRefunds(dynamodb, environment.orders_table),
        tell=pager_of(environment, failures, make_client("secretsmanager"), utc_now),
        now=utc_now,
    )


reconcile = build()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handle(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at all groups; raises ReconciliationIncomplete, which the alarm on this function's errors sees."""
    run = reconcile(lambda: context.get_remaining_time_in_millis() / 1_000)
    if run.fault is None:  # what was not counted to the end is no count
        metrics.add_metric("OpenFailures", MetricUnit.Count, run.open)
        metrics.add_metric("AlertsPending", MetricUnit.Count, run.pending)
    refused = sum(told is Told.REFUSED for told in run.told.values())
    metrics.add_metric("AlertsRefused", MetricUnit.Count, refused)
    report = _report(run)
    logger.info("incidents reconciled", extra=report)
    if run.fault:
        raise ReconciliationIncomplete(run.fault)
    return report


def _report(run: Reconciled) -> dict[str, Any]:
    return {
        "open": run.open,
        "groups": run.groups,
        "resolved": run.resolved,
        "let_go": run.let_go,
        "pending": run.pending,
        "told": {name: told for name, told in run.told.items() if told is not Told.NOTHING},
        "fault": run.fault,
    }
