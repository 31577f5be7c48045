"""`orders hold`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.timestamps import utc_now
from orders.aws_errors import explain
from orders.cli.connection import add_deployment_options, open_deployment
from orders.cli.exit_codes import ExitCode
from orders.holding import HoldRefused, hold_order

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output


def add_hold_options(parser: argparse.ArgumentParser) -> None:
    """Add the order's id, --off, and where the order is."""
    parser.add_argument("order_id", metavar="ID")
    parser.add_argument("--off", action="store_true", help="let the watchdog end it again when it gets old")
    add_deployment_options(parser)


def hold(arguments: argparse.Namespace, output: Output) -> int:
    """Keep an order's authorisation, or let it go again."""
    deployment = open_deployment(arguments)
    if not deployment.is_local:
        output.say(f"{deployment}")
    orders = DynamoOrders(deployment.client("dynamodb"), deployment.output("OrdersTableName"))
    try:
        order = hold_order(orders, arguments.order_id, utc_now, held=not arguments.off)
    except (BotoCoreError, ClientError) as error:
        raise HoldRefused(explain(error)) from error
    except StoreUnavailable as error:
        raise HoldRefused(f"the orders table does not answer ({error}): is the pipeline up?") from error
    if output.as_json:
        output.json({"order_id": order.order_id, "held": order.held, "updated_at": order.updated_at})
    elif order.held:
        output.say(f"{order.order_id} is held: its payment stays authorised as long as the provider lets it.")
        where = "" if deployment.is_local else f" --env {deployment.environment}"
        output.say(f"To let it go again: orders hold {order.order_id} --off{where}")
    else:
        output.say(f"{order.order_id} is not held: an authorisation that gets too old ends it.")
    return ExitCode.OK
