"""Entry point of the steps that move goods: event `{"action", "order_id", "claim"}`.

With `reason` to release, with `refund_id` to restock.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.adapters.http_warehouse import HttpWarehouse
from lambdas.adapters.secrets import CachedSecret
from lambdas.domain.timestamps import utc_now
from lambdas.environment import FulfilEnvironment, read_environment
from lambdas.services.fulfil_order import FulfilOrder
from lambdas.services.restock_refund import RestockRefund
from lambdas.step_log import logged_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult

logger = Logger()


@dataclass(frozen=True, slots=True)
class GoodsSteps:
    """The actions that the state machine calls."""

    fulfil: FulfilOrder
    restock: RestockRefund

    def run(self, event: dict[str, Any]) -> StepResult:
        """Run the action that the event names; raises KeyError for any other."""
        order_id, claim = event["order_id"], event["claim"]
        match event["action"]:
            case "fulfil":
                return self.fulfil(order_id, claim)
            case "release":
                return self.fulfil.release(order_id, claim, event["reason"])
            case "restock":
                return self.restock(order_id, event["refund_id"], claim)
            case action:
                raise KeyError(action)


def build() -> GoodsSteps:
    """Put the steps together."""
    environment = read_environment(FulfilEnvironment, os.environ)
    dynamodb = make_client("dynamodb")
    secret = CachedSecret(make_client("secretsmanager"), environment.warehouse_secret_id)
    orders = DynamoOrderStore(dynamodb, environment.orders_table)
    refunds = DynamoRefunds(dynamodb, environment.orders_table)
    stock = DynamoStock(dynamodb, environment.inventory_table, environment.orders_table)
    warehouse = HttpWarehouse(secret, environment.warehouse_url)
    return GoodsSteps(
        fulfil=FulfilOrder(orders, stock, warehouse, utc_now),
        restock=RestockRefund(orders, refunds, stock, utc_now),
    )


steps = build()


@logged_step("fulfil", logger)
def handle(event: dict[str, Any], _context: LambdaContext) -> StepResult:
    """Reserve and ship the order's goods, give them back, or restock what was refunded."""
    return steps.run(event)
