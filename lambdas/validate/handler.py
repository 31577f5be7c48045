"""Entry point of the step `validate`: event `{"order_id", "claim"}`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.domain.timestamps import utc_now
from lambdas.environment import ValidateEnvironment, read_environment
from lambdas.services.validate_order import ValidateOrder

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult

logger = Logger()


def build() -> ValidateOrder:
    """Put the step together."""
    environment = read_environment(ValidateEnvironment, os.environ)
    dynamodb = make_client("dynamodb", read_timeout=1)  # two tries must fit into this function's 5 s
    return ValidateOrder(
        orders=DynamoOrders(dynamodb, environment.orders_table),
        catalogue=DynamoCatalogue(dynamodb, environment.inventory_table),
        claim_seconds=environment.claim_seconds,
        now=utc_now,
    )


validate = build()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], _context: LambdaContext) -> StepResult:
    """Claim and validate the order."""
    logger.append_keys(order_id=event["order_id"], claim=event["claim"])
    result = validate(event["order_id"], event["claim"])
    logger.info("validated", extra={"outcome": result["outcome"]})
    return result
