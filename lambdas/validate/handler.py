"""Entry point of the first step, which claims: event `{"order_id", "claim"}`, `refund_id` for a refund."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.domain.timestamps import utc_now
from lambdas.environment import ValidateEnvironment, read_environment
from lambdas.services.claim_refund import ClaimRefund
from lambdas.services.validate_order import ValidateOrder
from lambdas.step_log import logged_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult

logger = Logger()


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """The two ways to claim an order."""

    validate: ValidateOrder
    claim_refund: ClaimRefund

    def run(self, event: dict[str, Any]) -> StepResult:
        """Claim the order for its sale, or for the refund that the event names."""
        if "refund_id" in event:
            return self.claim_refund(event["order_id"], event["refund_id"], event["claim"])
        return self.validate(event["order_id"], event["claim"])


def build() -> FirstSteps:
    """Put the steps together."""
    environment = read_environment(ValidateEnvironment, os.environ)
    dynamodb = make_client("dynamodb", read_timeout=1)  # two tries must fit into this function's 5 s
    orders = DynamoOrderStore(dynamodb, environment.orders_table)
    refunds = DynamoRefunds(dynamodb, environment.orders_table)
    catalogue = DynamoCatalogue(dynamodb, environment.inventory_table)
    return FirstSteps(
        validate=ValidateOrder(orders, catalogue, environment.claim_seconds, utc_now),
        claim_refund=ClaimRefund(orders, refunds, environment.claim_seconds, utc_now),
    )


steps = build()


@logged_step("validate", logger)
def handle(event: dict[str, Any], _context: LambdaContext) -> StepResult:
    """Claim and validate the order, or claim it for a refund."""
    return steps.run(event)
