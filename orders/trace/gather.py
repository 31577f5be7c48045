"""Asks every source of an order's story at once; one that fails says why, and hides none of the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.timestamps import utc_now
from orders.aws_errors import explain
from orders.deployment import DeploymentError
from orders.trace.log_lines import READ_SECONDS, read_log
from orders.trace.model import NotRead, Trace
from orders.trace.payment import read_payment
from orders.trace.shipment import read_shipment
from orders.trace.stored import read_ledger, read_order, read_stock

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.deployment import Deployment
    from orders.trace.model import Log, Payment, Shipment, StoredOrder

T = TypeVar("T")


def trace_order(deployment: Deployment, order_id: str, log_seconds: float = READ_SECONDS) -> Trace | None:
    """Gather an order's story; None when there is no such order.

    Args:
        deployment: where the order is.
        order_id: a valid one.
        log_seconds: how long to read in the logs of each function.

    Raises:
        DeploymentError: the order itself cannot be read.
    """
    dynamodb = deployment.client("dynamodb")
    try:
        stored = read_order(dynamodb, deployment.output("OrdersTableName"), order_id)
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(explain(error)) from error
    if stored is None:
        return None
    with ThreadPoolExecutor() as pool:
        log = pool.submit(_alone, lambda: _log(deployment, stored, log_seconds))
        payment = pool.submit(_alone, lambda: _payment(deployment, stored))
        shipment = pool.submit(_alone, lambda: _shipment(deployment, stored))
        ledger = pool.submit(
            _alone, lambda: read_ledger(dynamodb, deployment.output("LedgerTableName"), order_id)
        )
        stock = pool.submit(
            _alone, lambda: read_stock(dynamodb, deployment.output("InventoryTableName"), stored)
        )
    return Trace(
        traced_at=utc_now(),
        stored=stored,
        log=log.result(),
        payment=payment.result(),
        shipment=shipment.result(),
        stock=stock.result(),
        ledger=ledger.result(),
    )


def _alone(read: Callable[[], T]) -> T | NotRead:
    try:
        return read()
    except (BotoCoreError, ClientError) as error:
        return NotRead(explain(error))
    except DeploymentError as error:
        return NotRead(str(error))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one part must not hide the others
        return NotRead(f"it cannot be read ({type(error).__name__})")


def _log(deployment: Deployment, stored: StoredOrder, seconds: float) -> Log | NotRead:
    accepted_at = datetime.fromisoformat(stored.order.accepted_at)
    groups = {str(function): group for function, group in deployment.log_groups().items()}
    return read_log(deployment.client("logs"), groups, stored.order.order_id, accepted_at, seconds)


def _payment(deployment: Deployment, stored: StoredOrder) -> Payment | NotRead | None:
    if stored.order.payment_intent is None:
        return None
    key = _secret(deployment, "PaymentSecretName")
    return read_payment(deployment.output("PaymentApiUrl"), key, stored.order.payment_intent)


def _shipment(deployment: Deployment, stored: StoredOrder) -> Shipment | NotRead | None:
    token = _secret(deployment, "WarehouseSecretName")
    return read_shipment(deployment.output("WarehouseApiUrl"), token, stored.order.order_id)


def _secret(deployment: Deployment, output: str) -> str:
    answer = deployment.client("secretsmanager").get_secret_value(SecretId=deployment.output(output))
    text: str = answer["SecretString"]
    return text.strip()
