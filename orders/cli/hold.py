"""`orders hold`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import add_why_options, an_order, aws_explained, sit_down, why_of
from orders.cli.exit_codes import ExitCode
from orders.dlq.holding import hold_recorded

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output


def add_hold_options(parser: argparse.ArgumentParser) -> None:
    """Add the order's id, --off, why (where somebody wants to say so), and where the order is."""
    parser.add_argument("order_id", metavar="ID", type=an_order)
    parser.add_argument("--off", action="store_true", help="let the watchdog end it again when it gets old")
    add_why_options(parser, required=False)
    add_deployment_options(parser)


def hold(arguments: argparse.Namespace, output: Output) -> int:
    """Keep an order's authorisation, or let it go again; the history has who did so and why."""
    deployment, desk = sit_down(arguments, output)
    with aws_explained():
        order = hold_recorded(desk, arguments.order_id, why_of(arguments), held=not arguments.off)
    if output.as_json:
        output.json({"order_id": order.order_id, "held": order.held, "updated_at": order.updated_at})
    elif order.held:
        output.say(f"{order.order_id} is held: its payment stays authorised as long as the provider lets it.")
        where = "" if deployment.is_local else f" --env {deployment.environment}"
        output.say(f"To let it go again: orders hold {order.order_id} --off{where}")
    else:
        output.say(f"{order.order_id} is not held: an authorisation that gets too old ends it.")
    return ExitCode.OK
