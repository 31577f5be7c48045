"""Entry point of the steps that move goods: event `{"action", "order_id", "claim"}`, `reason` to release."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.adapters.http_warehouse import HttpWarehouse
from lambdas.adapters.secrets import CachedSecret
from lambdas.domain.timestamps import utc_now
from lambdas.environment import FulfilEnvironment, read_environment
from lambdas.services.fulfil_order import FulfilOrder

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult

logger = Logger()


def build() -> FulfilOrder:
    """Put the step together."""
    environment = read_environment(FulfilEnvironment, os.environ)
    dynamodb = make_client("dynamodb")
    secret = CachedSecret(make_client("secretsmanager"), environment.warehouse_secret_id)
    return FulfilOrder(
        orders=DynamoOrders(dynamodb, environment.orders_table),
        stock=DynamoStock(dynamodb, environment.inventory_table, environment.orders_table),
        warehouse=HttpWarehouse(secret, environment.warehouse_url),
        now=utc_now,
    )


fulfil = build()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], _context: LambdaContext) -> StepResult:
    """Reserve and ship the order's goods, or release what is held of them."""
    logger.append_keys(order_id=event["order_id"], claim=event["claim"])
    if event["action"] == "release":
        result = fulfil.release(event["order_id"], event["claim"], event["reason"])
    else:
        result = fulfil(event["order_id"], event["claim"])
    logger.info("goods step done", extra={"outcome": result["outcome"]})
    return result
