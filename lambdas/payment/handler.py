"""Entry point of the steps that move money: event `{"action", "order_id", "claim"}`, with a
`reason` to reject and a `refund_id` to refund.

One function for all of them: it alone imports the provider's library and may read its secret.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.ledger import DynamoJournal
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.secrets import CachedSecret
from lambdas.adapters.stripe_api import StripeApi
from lambdas.adapters.stripe_payments import StripePayments
from lambdas.domain.timestamps import utc_now
from lambdas.environment import PaymentEnvironment, read_environment
from lambdas.payment.once import GuardedAuthorisation, make_guard
from lambdas.services.authorise_payment import AuthorisePayment
from lambdas.services.capture_payment import CapturePayment
from lambdas.services.present_journal import PresentJournal
from lambdas.services.refund_order import RefundOrder
from lambdas.services.reject_order import RejectOrder
from lambdas.step_log import logged_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult

logger = Logger()


@dataclass(frozen=True, slots=True)
class PaymentSteps:
    """The actions that the state machine calls."""

    authorise: GuardedAuthorisation
    capture: CapturePayment
    reject: RejectOrder
    refund: RefundOrder

    def run(self, event: dict[str, Any], context: LambdaContext) -> StepResult:
        """Run the action that the event names; raises KeyError for any other."""
        order_id, claim = event["order_id"], event["claim"]
        match event["action"]:
            case "authorise":
                return self.authorise(order_id, claim, context)
            case "capture":
                return self.capture(order_id, claim)
            case "reject":
                return self.reject(order_id, claim, event["reason"])
            case "refund":
                return self.refund(order_id, event["refund_id"], claim)
            case action:
                raise KeyError(action)


def build() -> PaymentSteps:
    """Put the steps together."""
    environment = read_environment(PaymentEnvironment, os.environ)
    dynamodb = make_client("dynamodb")
    orders = DynamoOrderStore(dynamodb, environment.orders_table)
    refunds = DynamoRefunds(dynamodb, environment.orders_table)
    secret = CachedSecret(make_client("secretsmanager"), environment.payment_secret_id)
    payments = StripePayments(StripeApi(secret, environment.payment_api_base))
    ledger = DynamoJournal(dynamodb, environment.ledger_table, environment.orders_table)
    journal = PresentJournal(ledger, utc_now)
    guard = make_guard(environment.idempotency_table, dynamodb)
    return PaymentSteps(
        authorise=GuardedAuthorisation(orders, AuthorisePayment(orders, payments, utc_now), guard),
        capture=CapturePayment(orders, journal, payments, utc_now),
        reject=RejectOrder(orders, payments, utc_now),
        refund=RefundOrder(orders, refunds, journal, payments, utc_now),
    )


steps = build()


@logged_step("payment", logger)
def handle(event: dict[str, Any], context: LambdaContext) -> StepResult:
    """Authorise, capture, reject or refund."""
    return steps.run(event, context)
