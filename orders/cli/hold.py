"""`orders hold`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.timestamps import utc_now
from orders.cli.exit_codes import ExitCode
from orders.holding import HoldRefused, hold_order
from orders.local.aws import engine_client
from orders.local.run_file import read_run_file

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output


def add_hold_options(parser: argparse.ArgumentParser) -> None:
    """Add the order's id and --off."""
    parser.add_argument("order_id", metavar="ID")
    parser.add_argument("--off", action="store_true", help="let the watchdog end it again when it gets old")


def hold(arguments: argparse.Namespace, output: Output) -> int:
    """Keep an order's authorisation on the local run that is up, or let it go again."""
    addresses = read_run_file()
    client = engine_client("dynamodb", addresses.engine_url)
    orders = DynamoOrders(client, addresses.outputs["OrdersTableName"])
    try:
        order = hold_order(orders, arguments.order_id, utc_now, held=not arguments.off)
    except (StoreUnavailable, BotoCoreError, ClientError) as error:
        raise HoldRefused(f"the orders table does not answer ({error}): is the pipeline up?") from error
    if output.as_json:
        output.json({"order_id": order.order_id, "held": order.held, "updated_at": order.updated_at})
    elif order.held:
        output.say(f"{order.order_id} is held: its payment stays authorised as long as the provider lets it.")
        output.say(f"To let it go again: orders hold {order.order_id} --off")
    else:
        output.say(f"{order.order_id} is not held: an authorisation that gets too old ends it.")
    return ExitCode.OK
