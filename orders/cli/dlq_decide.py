"""`orders dlq quarantine`, `discard`, `restore`, `hold` and `abandon`: decisions about one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.domain.operation import OperationKind
from lambdas.domain.order import Status
from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import (
    a_failure,
    add_why_options,
    an_order,
    aws_explained,
    sit_down,
    there,
    why_of,
)
from orders.cli.exit_codes import ExitCode
from orders.dlq.abandoning import Abandoning
from orders.dlq.decisions import decide

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from lambdas.domain.order import Order
    from orders.cli.console import Output

_TOLD: Final = {
    OperationKind.QUARANTINE: "is set aside: no plan takes it, and it keeps no incident open.",
    OperationKind.DISCARD: "is discarded: its order stays as it is, and nobody is asked to look at it.",
    OperationKind.RESTORE: "waits again, and may be replayed.",
}


def add_failure_options(parser: argparse.ArgumentParser) -> None:
    """Add the failure's id, why, and where."""
    parser.add_argument("failure_id", metavar="ID", type=a_failure, help="of a failure, an order or a refund")
    add_why_options(parser)
    add_deployment_options(parser)


def add_abandon_options(parser: argparse.ArgumentParser) -> None:
    """Add the order's id, why (where somebody wants to say so), and where."""
    parser.add_argument("order_id", metavar="ID", type=an_order)
    add_why_options(parser, required=False)
    add_deployment_options(parser)


def deciding(kind: OperationKind) -> Callable[[argparse.Namespace, Output], int]:
    """Return the command that decides so about a failure."""

    def run(arguments: argparse.Namespace, output: Output) -> int:
        _, desk = sit_down(arguments, output)
        with aws_explained():
            failure = decide(desk, arguments.failure_id, kind, why_of(arguments))
        if output.as_json:
            output.json(
                {"failure_id": failure.failure_id, "order_id": failure.order_id, "state": failure.state}
            )
            return ExitCode.OK
        output.say(f"{failure.subject} {_TOLD[kind]}")
        if kind is not OperationKind.RESTORE:
            where = there(arguments)
            output.say(f"To take it back: orders dlq restore {failure.failure_id} --reason CODE{where}")
        return ExitCode.OK

    return run


def abandon(arguments: argparse.Namespace, output: Output) -> int:
    """End an order, and wait for its end; exit 3 when it ends otherwise or not yet."""
    _, desk = sit_down(arguments, output)
    output.say(f"Giving {arguments.order_id} up: waiting for what becomes of it.")
    with aws_explained():
        order = Abandoning(desk, why_of(arguments))(arguments.order_id)
    if output.as_json:
        output.json(
            {
                "order_id": order.order_id,
                "status": order.status,
                "payment_status": order.payment_status,
                "fulfillment_status": order.fulfillment_status,
                "reason": order.reason,
            }
        )
    else:
        output.say(_end_of(order, there(arguments)))
    given_up = order.status in {Status.REJECTED, Status.CANCELLED}
    return ExitCode.OK if given_up else ExitCode.FINDINGS


def _end_of(order: Order, where: str) -> str:
    match order.status:
        case Status.REJECTED | Status.CANCELLED:
            money, goods = order.payment_status, order.fulfillment_status
            return f"{order.order_id} is {order.status} ({order.reason}): payment {money}, goods {goods}."
        case Status.COMPLETED:
            return f"It was too late: {order.order_id} is shipped and paid. A refund gives the money back."
        case Status.ATTENTION_REQUIRED:
            why = f"waits for a person again ({order.reason})"
            return f"{order.order_id} {why}: orders dlq show {order.order_id}{where}"
        case _:
            return f"{order.order_id} is {order.status} and will end: orders trace {order.order_id}{where}"
