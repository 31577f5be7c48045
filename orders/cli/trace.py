"""`orders trace`: an order's whole story, for the operator who was asked about it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import OrderId, looks_like_order_id
from orders.cli.connection import add_deployment_options, open_deployment
from orders.cli.exit_codes import ExitCode
from orders.trace.agreement import compare
from orders.trace.as_json import trace_as_json
from orders.trace.gather import trace_order
from orders.trace.model import Verdict
from orders.trace.render import render

if TYPE_CHECKING:
    from orders.cli.console import Output

LOG_SECONDS: Final = 30


def add_trace_options(parser: argparse.ArgumentParser) -> None:
    """Add the order's id and where to look for it."""
    parser.add_argument("order_id", metavar="ID", type=order_id)
    parser.add_argument(
        "--log-seconds",
        type=int,
        default=LOG_SECONDS,
        metavar="N",
        help="read in each function's log for so long (default: %(default)s)",
    )
    add_deployment_options(parser)


def trace(arguments: argparse.Namespace, output: Output) -> int:
    """Show the story; exit 3 when the places where its parts are kept contradict each other."""
    deployment = open_deployment(arguments)
    if not deployment.is_local:
        output.say(f"{deployment}")
    found = trace_order(deployment, arguments.order_id, arguments.log_seconds)
    if found is None:
        output.error(f"there is no order {arguments.order_id} in {deployment}")
        return ExitCode.FAILED
    agreement = compare(found)
    if output.as_json:
        output.json(trace_as_json(found, agreement, deployment))
    else:
        render(found, agreement, output.data)
    return ExitCode.FINDINGS if agreement.verdict is Verdict.DISAGREE else ExitCode.OK


def order_id(text: str) -> OrderId:
    """Read an order's id from the command line."""
    if not looks_like_order_id(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no order's id, which is ord_ and 26 letters and digits"
        )
    return OrderId(text)
