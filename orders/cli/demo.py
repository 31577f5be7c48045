"""`orders demo`: a pipeline, a catalogue, sample orders, what became of them, and where the money is."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lambdas.domain.order import TERMINAL
from orders.api_client import OrdersClient
from orders.cli.exit_codes import ExitCode
from orders.cli.outcomes import Outcome, print_outcomes
from orders.cli.trial_balance import print_trial_balance
from orders.cli.up import local_run, print_addresses, serve
from orders.local.books import read_books
from orders.local.stock import put_products
from orders.order_watch import OrderWatch
from orders.sample_orders import CATALOGUE, CURRENCY, sample_orders
from orders.sample_refunds import Returned, refund_some

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from orders.cli.console import Output
    from orders.local.books import Books
    from orders.local.run_file import Addresses
    from orders.sample_orders import Sample

SUBMITTERS: Final = 4
PATIENCE_SECONDS: Final = 120.0
"""So long without any order ending, and those left count as stuck."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the sample orders ended."""

    orders: list[dict[str, Any]]
    seconds: float
    refunds: list[Returned] = field(default_factory=list)

    @property
    def stuck(self) -> list[str]:
        """The ids of orders that have not ended, and of those with a refund that is not made."""
        orders = [order["order_id"] for order in self.orders if order["status"] not in TERMINAL]
        return orders + [refund.order_id for refund in self.refunds if refund.status != "succeeded"]

    def count(self, status: str) -> int:
        """Count the orders of a status."""
        return sum(order["status"] == status for order in self.orders)


def demo(arguments: argparse.Namespace, output: Output) -> int:
    """Run the demonstration; exit 3 when an order is stuck or a sum does not close."""
    with local_run(arguments, output) as run:
        put_products(run.addresses, CATALOGUE)
        output.say(f"[green]✓[/] catalogue of {len(CATALOGUE)} products filled")
        client_name = f"demo-{uuid.uuid4().hex[:6]}"
        headers = {"X-Orders-Client": client_name, "X-Orders-Scopes": "orders:refund"}
        client = OrdersClient(run.addresses.api_url, headers)
        result = process(client, sample_orders(arguments.orders, client_name), output)
        result = replace(result, refunds=refund_some(client, result.orders, PATIENCE_SECONDS))
        books = read_books(run.addresses)
        report(result, books, output)
        if not arguments.once:
            if not output.as_json:
                _print_next(run.addresses, result, client_name, output)
            serve(run.addresses, output)
    return verdict(result, books)


def verdict(result: Result, books: Books) -> ExitCode:
    """Exit 3 when an order has not ended or a sum does not close."""
    return ExitCode.OK if not result.stuck and books.balanced else ExitCode.FINDINGS


def process(client: OrdersClient, samples: list[Sample], output: Output) -> Result:
    """Submit all samples and wait until every order has ended, or until nothing ends any more."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=output.messages) as progress:
        accepted = progress.add_task("accepted", total=len(samples))
        ended = progress.add_task("ended", total=len(samples))
        with ThreadPoolExecutor(SUBMITTERS) as pool:
            work = [pool.submit(_submit, client, s, lambda: progress.advance(accepted)) for s in samples]
            ids = {future.result() for future in work}
        watch = OrderWatch(client, PATIENCE_SECONDS)
        watch.follow(ids)
        orders = watch.until_ended(lambda count: progress.update(ended, completed=count))
    return Result(orders, time.monotonic() - began)


def report(result: Result, books: Books, output: Output) -> None:
    """Tell how the orders ended and where the money is."""
    if output.as_json:
        output.json(_as_json(result, books))
        return
    output.data.print()
    _print_outcomes(result, output)
    output.data.print()
    _print_refunds(result, output)
    print_trial_balance(books, CURRENCY, output)


def _submit(client: OrdersClient, sample: Sample, done: Callable[[], None]) -> str:
    order_id: str = client.submit(json.dumps(sample.body).encode(), sample.key).order["order_id"]
    done()
    return order_id


def _as_json(result: Result, books: Books) -> dict[str, Any]:
    rejected = Counter(o["reason"] for o in result.orders if o["status"] == "rejected")
    return {
        "submitted": len(result.orders),
        "completed": result.count("completed"),
        "rejected": result.count("rejected"),
        "rejected_by_reason": dict(sorted(rejected.items())),
        "stuck": len(result.stuck),
        "stuck_orders": result.stuck,
        "currency": CURRENCY,
        "refunded": sum(refund.status == "succeeded" for refund in result.refunds),
        "refunded_minor": books.refunded_at_provider.get(CURRENCY, 0),
        "captured_minor": books.captured_at_provider.get(CURRENCY, 0),
        "booked_minor": books.booked.get(CURRENCY, 0),
        "ledger_entries": books.entries,
        "ledger_balanced": books.balanced,
        "seconds": round(result.seconds, 2),
    }


def _print_outcomes(result: Result, output: Output) -> None:
    ends = (Outcome(order["status"], order["reason"] or "", order["total"]) for order in result.orders)
    print_outcomes(ends, CURRENCY, output)
    rate = len(result.orders) / result.seconds
    output.data.print(f"{len(result.orders)} orders in {result.seconds:.1f} s, {rate:.0f} a second")


def _print_refunds(result: Result, output: Output) -> None:
    if result.refunds:
        ends = (Outcome(r.status, r.reason, r.amount) for r in result.refunds)
        print_outcomes(ends, CURRENCY, output, title="What went back to customers", counted="REFUNDS")
        output.data.print()


def _print_next(addresses: Addresses, result: Result, client: str, output: Output) -> None:
    refunded = next((r.order_id for r in result.refunds), result.orders[0]["order_id"])
    untouched = (o for o in result.orders if o["status"] == "completed" and o["payment_status"] == "captured")
    sold = next((o["order_id"] for o in untouched if o["order_id"] != refunded), refunded)
    output.data.print()
    print_addresses(addresses, output)
    output.data.print()
    output.data.print("Try, in another terminal:")
    for command, what in (
        (f"orders list --client {client}", "all of these orders"),
        (f"orders trace {refunded}", "one order's whole story, a refund included"),
        (f"orders refund {sold} --reason goodwill --amount 1.00 --wait --client {client}", "give money back"),
        ("orders submit docs/examples/order.json --wait", "an order of your own"),
    ):
        output.data.print(f"  [dim]# {what}[/]\n  .venv/bin/{command}")
