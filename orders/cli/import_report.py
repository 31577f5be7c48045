"""The import's report for people: what was in the file, what became of it, and whether it adds up."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from lambdas.domain.money import format_minor
from orders.cli.outcomes import Outcome, print_outcomes
from orders.cli.trial_balance import print_trial_balance
from orders.retail.invoices import CURRENCY
from orders.retail.reasons import meaning

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.retail.closing import Equation, Part
    from orders.retail.imported import Imported
    from orders.retail.report import Report


def print_report(report: Report, arguments: argparse.Namespace, output: Output) -> None:
    """Print everything."""
    imported = report.imported
    output.data.print()
    _print_file(imported, arguments.file.name, output)
    output.data.print()
    ends = (Outcome(o.status, o.reason or "", o.total if o.order_id else None) for o in imported.orders)
    print_outcomes(ends, CURRENCY, output)
    _print_rate(imported, output)
    output.data.print()
    _print_refunds(imported, output)
    _print_excluded(imported, output)
    output.data.print()
    _print_sums(report.equations, output)
    output.data.print()
    print_trial_balance(report.books, CURRENCY, output)
    _print_stuck(imported, output)
    _print_next(imported, arguments, output)


def _print_file(imported: Imported, name: str, output: Output) -> None:
    invoices, change = imported.invoices, imported.catalogue
    total = format_minor(imported.file.total, CURRENCY)
    output.data.print(f"{escape(name)}: {imported.file.row_count:,} rows, {total} {CURRENCY}")
    output.data.print(
        f"{len(invoices.orders):,} invoices and {len(invoices.credit_notes):,} credit notes, "
        f"{invoices.without_customer:,} of them without a customer"
    )
    output.data.print(
        f"{imported.products:,} products: {change.created:,} new in the catalogue, "
        f"{change.topped_up:,} topped up"
    )


def _print_rate(imported: Imported, output: Output) -> None:
    seconds = imported.seconds["orders_accepted"] + imported.seconds["orders_ended"]
    rate = len(imported.orders) / seconds if seconds else 0
    output.data.print(f"{len(imported.orders):,} orders in {seconds:.1f} s, {rate:.0f} a second")
    if imported.replayed:
        output.data.print(
            f"{imported.replayed:,} orders and refunds are of an earlier run; nothing was done twice"
        )


def _print_refunds(imported: Imported, output: Output) -> None:
    if not imported.refunds:
        return
    ends = (Outcome(r.status, r.failure or "", r.planned.amount) for r in imported.refunds)
    print_outcomes(ends, CURRENCY, output, title="What went back to customers", counted="REFUNDS")
    output.data.print()


def _print_excluded(imported: Imported, output: Output) -> None:
    excluded = imported.tally.excluded
    table = _table("Rows that are not imported", "REASON", "MEANING", "ROWS", CURRENCY, words=2)
    for reason, found in sorted(excluded.items(), key=lambda entry: (-entry[1].rows, entry[0])):
        table.add_row(reason, meaning(reason), f"{found.rows:,}", format_minor(found.minor, CURRENCY))
    output.data.print(table)
    if imported.file.unreadable:
        output.data.print("What cannot be read has no amount: it is in the rows and in no sum of money.")


def _print_sums(equations: list[Equation], output: Output) -> None:
    table = Table(
        box=None, pad_edge=False, title="Do the sums close?", title_justify="left", show_header=False
    )
    for equation in equations:
        mark = "[green]✓[/]" if equation.closes else "[bold red]✗[/]"
        text = " ".join(_term(part, equation, first=not n) for n, part in enumerate(equation.parts))
        sign = "=" if equation.closes else "[bold red]≠[/]"
        result = f"{_value(equation.result.value, equation)} {equation.result.meaning}"
        table.add_row(f"{mark} {equation.name}", f"{text} {sign} {result}")
    output.data.print(table)


def _term(part: Part, equation: Equation, *, first: bool) -> str:
    value = -part.value if part.subtracted else part.value
    if first:
        return f"{_value(value, equation)} {part.meaning}"
    negative = value < 0 or (part.subtracted and not value)
    return f"{'-' if negative else '+'} {_value(abs(value), equation)} {part.meaning}"


def _value(value: int, equation: Equation) -> str:
    return format_minor(value, CURRENCY) if equation.money else f"{value:,}"


def _print_stuck(imported: Imported, output: Output) -> None:
    if imported.stuck:
        output.data.print()
        output.data.print(
            f"[bold red]{len(imported.stuck)} have not ended:[/] {', '.join(imported.stuck[:5])}"
        )


def _print_next(imported: Imported, arguments: argparse.Namespace, output: Output) -> None:
    order_id = next((o.order_id for o in imported.orders if o.order_id), "ID")
    client = shlex.quote(arguments.client)
    commands = [f"orders list --client {client}", f"orders trace {order_id}"]
    output.data.print()
    if arguments.once and not arguments.data:
        output.data.print("This pipeline is gone now. To look at its orders, import into one that stays up:")
        commands = ["orders up", f"orders import-retail {shlex.quote(str(arguments.file))}"]
    elif arguments.once:
        output.data.print("This pipeline is kept. Try, in two terminals:")
        commands.insert(0, f"orders up --data {shlex.quote(str(arguments.data))}")
    else:
        output.data.print("Try:")
    for command in commands:
        output.data.print(escape(f"  .venv/bin/{command}"))


def _table(title: str, *columns: str, words: int) -> Table:
    """Make a table of so many columns of words, and numbers after them."""
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < words else "right", no_wrap=True)
    return table
