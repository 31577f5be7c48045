"""`orders submit`, `orders get` and `orders list`."""

from __future__ import annotations

import sys
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from lambdas.domain.money import format_minor
from lambdas.domain.order import TERMINAL
from orders.cli.connection import connect
from orders.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    import argparse

    from orders.api_client import OrdersClient
    from orders.cli.console import Output

POLL_SECONDS = 0.2
WAIT_SECONDS = 120.0
_COLOURS = {"completed": "green", "rejected": "yellow", "cancelled": "yellow", "attention_required": "red"}


class FileUnreadable(Exception):
    """The order's file cannot be read."""


def submit(arguments: argparse.Namespace, output: Output) -> int:
    """Submit an order from a file or from standard input."""
    body = _read(arguments.file)
    key = arguments.key or str(uuid.uuid4())
    client = connect(arguments)
    submitted = client.submit(body, key)
    order = submitted.order
    if arguments.wait:
        order = wait_until_ended(client, order["order_id"])
    if output.as_json:
        output.json({**order, "idempotency_key": key, "replayed": submitted.replayed})
        return ExitCode.OK
    print_order(order, output)
    if submitted.replayed:
        output.say("This key had been used for this very order before: nothing was done twice.")
    if not arguments.wait:
        output.say(f"Follow it with: orders get {order['order_id']}")
    if not arguments.key:
        output.say(f"To try again without ordering twice: --key {key}")
    return ExitCode.OK


def get(arguments: argparse.Namespace, output: Output) -> int:
    """Show one order."""
    order = connect(arguments).get(arguments.order_id)
    if output.as_json:
        output.json(order)
    else:
        print_order(order, output)
    return ExitCode.OK


def list_(arguments: argparse.Namespace, output: Output) -> int:
    """List the newest orders."""
    client = connect(arguments)
    orders: list[dict[str, Any]] = []
    cursor = arguments.cursor
    while len(orders) < arguments.limit:
        page, cursor = client.page(cursor, min(100, arguments.limit - len(orders)))
        orders += page
        if cursor is None:
            break
    if output.as_json:
        output.json({"orders": orders, "next_cursor": cursor})
        return ExitCode.OK
    table = Table(box=None, pad_edge=False)
    for name in ("ORDER", "ACCEPTED", "STATUS"):
        table.add_column(name, no_wrap=True)
    table.add_column("TOTAL", justify="right", no_wrap=True)
    table.add_column("REASON", overflow="fold")
    for order in orders:
        table.add_row(
            order["order_id"],
            _local_time(order["accepted_at"]),
            coloured(order["status"]),
            _money(order["total"], order),
            order["reason"] or "",
        )
    output.data.print(table)
    if cursor:
        output.say(f"More: orders list --cursor {cursor}")
    return ExitCode.OK


def wait_until_ended(client: OrdersClient, order_id: str) -> dict[str, Any]:
    """Return the order once it is terminal, or as it is after two minutes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        order = client.get(order_id)
        if order["status"] in TERMINAL or time.monotonic() > deadline:
            return order
        time.sleep(POLL_SECONDS)


def print_order(order: dict[str, Any], output: Output) -> None:
    """Show an order to a person."""
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("Order", order["order_id"]),
        ("Reference", order["reference"]),
        ("Status", coloured(order["status"])),
        ("Reason", order["reason"]),
        ("Cancellation", (order["cancellation"] or {}).get("status")),
        ("Payment", order["payment_status"]),
        ("Goods", order["fulfillment_status"]),
        ("Total", f"{_money(order['total'], order)} (tax {_money(order['tax'], order)})"),
        ("Refunded", _money(order["refunded"], order) if order["refunded"] else None),
    ):
        if value:
            facts.add_row(name, value)
    output.data.print(facts)
    output.data.print()
    lines = Table(box=None, pad_edge=False)
    for name, side in (
        ("LINE", "right"),
        ("SKU", "left"),
        ("QUANTITY", "right"),
        ("UNIT PRICE", "right"),
        ("TOTAL", "right"),
    ):
        lines.add_column(name, justify="right" if side == "right" else "left")
    for line in order["lines"]:
        unit_price, total = _money(line["unit_price"], order), _money(line["total"], order)
        lines.add_row(str(line["line"]), line["sku"], f"{line['quantity']:,}", unit_price, total)
    output.data.print(lines)
    output.data.print()
    timeline = Table.grid(padding=(0, 2))
    for event in order["timeline"]:
        timeline.add_row(_local_time(event["at"], "milliseconds"), event["event"])
    output.data.print(timeline)


def coloured(status: str) -> str:
    """Mark a status up in its colour."""
    colour = _COLOURS.get(status)
    return f"[{colour}]{status}[/]" if colour else status


def _money(minor: int, order: dict[str, Any]) -> str:
    return f"{format_minor(minor, order['currency'])} {order['currency']}"


def _local_time(text: str, precision: str = "seconds") -> str:
    moment = datetime.fromisoformat(text)
    return moment.isoformat(sep=" ", timespec=precision).replace("+00:00", "Z")


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise FileUnreadable(f"{name}: {error.strerror}") from error
