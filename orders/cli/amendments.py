"""`orders cancel` and `orders refund`."""

from __future__ import annotations

import json
import re
import time
import uuid
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from lambdas.domain.money import MINOR_DIGITS, format_minor
from lambdas.domain.refund import RefundStatus
from orders.cli.connection import connect
from orders.cli.exit_codes import ExitCode
from orders.cli.orders import POLL_SECONDS, WAIT_SECONDS, coloured, print_order, wait_until_ended

if TYPE_CHECKING:
    import argparse

    from orders.api_client import OrdersClient
    from orders.cli.console import Output

_LINE: Final = re.compile(r"(\d{1,4})(?:x(\d{1,6}))?")


class Unreadable(Exception):
    """What the command was given cannot be read; the message says what it should look like."""


def cancel(arguments: argparse.Namespace, output: Output) -> int:
    """Ask for the end of an order; with --wait tell whether it was in time."""
    client, key = connect(arguments), arguments.key or str(uuid.uuid4())
    body = json.dumps({"reason_code": arguments.reason}).encode()
    taken = client.cancel(arguments.order_id, body, key)
    order = wait_until_ended(client, arguments.order_id) if arguments.wait else None
    if output.as_json:
        output.json(order or taken)
    elif order:
        print_order(order, output)
    else:
        output.say(f"Cancellation requested. Whether it was in time: orders get {arguments.order_id}")
    other_end = order is not None and order["status"] != "cancelled"
    too_late = order is not None and order["status"] == "completed"
    if too_late and not output.as_json:
        output.error(
            "it was too late to cancel", f"money back: orders refund {arguments.order_id} --reason CODE"
        )
    return ExitCode.FINDINGS if other_end else ExitCode.OK


def refund(arguments: argparse.Namespace, output: Output) -> int:
    """Ask for a refund; with --wait tell what became of it."""
    client, key = connect(arguments, "orders:refund"), arguments.key or str(uuid.uuid4())
    wish: dict[str, Any] = {"reason_code": arguments.reason, "restock": arguments.restock}
    if arguments.amount:
        currency = client.get(arguments.order_id)["currency"]
        wish["amount"] = _minor(arguments.amount, currency)
    if arguments.line:
        wish["lines"] = [_line(text) for text in arguments.line]
    taken = client.refund(arguments.order_id, json.dumps(wish).encode(), key)
    made = taken.order
    if arguments.wait:
        made = _wait_for_refund(client, made)
    if output.as_json:
        output.json({**made, "idempotency_key": key, "replayed": taken.replayed})
    else:
        _print_refund(made, output)
        if not arguments.key:
            output.say(f"To try again without refunding twice: --key {key}")
    unfinished = arguments.wait and made["status"] != RefundStatus.SUCCEEDED
    return ExitCode.FINDINGS if unfinished else ExitCode.OK


def _wait_for_refund(client: OrdersClient, taken: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = next(r for r in client.refunds(taken["order_id"]) if r["refund_id"] == taken["refund_id"])
        decided = found["status"] != RefundStatus.REQUESTED
        done = decided and (found["restocked"] or not found["restock"] or found["status"] != "succeeded")
        if done or time.monotonic() > deadline:
            return found
        time.sleep(POLL_SECONDS)


def _print_refund(made: dict[str, Any], output: Output) -> None:
    amount = f"{format_minor(made['amount'], made['currency'])} {made['currency']}"
    lines = ", ".join(f"{part['quantity']} x {part['sku']} (line {part['line']})" for part in made["lines"])
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("Refund", made["refund_id"]),
        ("Order", made["order_id"]),
        ("Status", coloured(made["status"])),
        ("Failure", made["failure"]),
        ("Amount", amount),
        ("Lines", lines),
        ("Reason", made["reason_code"]),
        (
            "Goods",
            {(True, True): "back on sale", (True, False): "to be put back on sale"}.get(
                (made["restock"], made["restocked"]), ""
            ),
        ),
    ):
        if value:
            facts.add_row(name, value)
    output.data.print(facts)


def _minor(text: str, currency: str) -> int:
    """Turn `12.50` into minor units, exactly."""
    digits = MINOR_DIGITS[currency]
    try:
        minor = Decimal(text).scaleb(digits)
    except InvalidOperation as error:
        raise Unreadable(f"{text} is no amount such as 12.50") from error
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise Unreadable(f"{text} is no amount of {currency}, which has {digits} decimals")
    return int(minor)


def _line(text: str) -> dict[str, int]:
    """Turn `3x2` into two of line three."""
    found = _LINE.fullmatch(text)
    if not found:
        raise Unreadable(f"{text} is no line such as 3, or 3x2 for two of line 3")
    return {"line": int(found[1]), "quantity": int(found[2] or 1)}
