"""Entry point of the HTTP API."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from lambdas.adapters.clients import make_client
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.order_queue import SqsOrderQueue
from lambdas.domain.timestamps import utc_now
from lambdas.environment import IngestEnvironment, read_environment
from lambdas.ingest.api import OrdersApi
from lambdas.ingest.order_concerned import order_concerned
from lambdas.ingest.responses import Response, problem
from lambdas.services.cancel_order import CancelOrder
from lambdas.services.read_orders import ReadOrders
from lambdas.services.request_refund import RequestRefund
from lambdas.services.submit_order import SubmitOrder

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


def build() -> OrdersApi:
    """Put the API together."""
    environment = read_environment(IngestEnvironment, os.environ)
    dynamodb = make_client("dynamodb")
    orders = DynamoOrders(dynamodb, environment.orders_table)
    refunds = DynamoRefunds(dynamodb, environment.orders_table)
    catalogue = DynamoCatalogue(dynamodb, environment.inventory_table)
    queue = SqsOrderQueue(make_client("sqs"), environment.orders_queue_url)
    return OrdersApi(
        submit=SubmitOrder(catalogue, orders, queue, utc_now),
        read=ReadOrders(orders, refunds),
        cancel=CancelOrder(orders, queue, utc_now),
        refund=RequestRefund(orders, refunds, queue, utc_now),
        auth_mode=environment.auth_mode,
    )


api = build()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], _context: LambdaContext) -> Response:
    """Answer a request; the log names route, order and outcome, never a body or a key."""
    began = time.monotonic()
    request_id = event["requestContext"]["requestId"]
    order_id = order_concerned(event, api.auth_mode)
    logger.append_keys(route=event["routeKey"], http_request_id=request_id, order_id=order_id)
    try:
        response = api(event)
    except Exception:
        # The last resort of an entry point: the client gets an answer, the log gets the trace.
        logger.exception("request failed")
        response = problem("internal_error", request_id)
    duration_ms = round((time.monotonic() - began) * 1000)
    replayed = "Idempotent-Replayed" in response["headers"]
    facts = {"status": response["statusCode"], "replayed": replayed, "duration_ms": duration_ms}
    logger.info("request answered", extra=facts)
    return response
