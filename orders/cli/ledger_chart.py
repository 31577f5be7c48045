"""`orders ledger chart`: revenue, refunds and fees per day as an image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from orders.cli.connection import WrongUsage
from orders.cli.exit_codes import ExitCode
from orders.cli.ledger_command import (
    add_command,
    add_entry_options,
    add_time_options,
    deployment_of,
    selection_of,
)
from orders.ledger.chart import svg_chart
from orders.ledger.daily import daily
from orders.ledger.exports import write_whole
from orders.ledger.reading import open_ledger

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.cli.ledger_command import Commands


def add_chart_command(commands: Commands) -> None:
    """Add chart."""
    command = add_command(commands, "chart", chart, "draw revenue, refunds and fees per day as an SVG image")
    command.add_argument(
        "--to", type=Path, metavar="FILE", default=Path("ledger.svg"), help="default: %(default)s"
    )
    add_time_options(command)
    add_entry_options(command)


def chart(arguments: argparse.Namespace, output: Output) -> int:
    """Draw one currency's days; amounts of two currencies have no common scale."""
    ledger = open_ledger(deployment_of(arguments, output))
    selection = selection_of(arguments, ledger)
    found = daily(ledger.entries(selection))
    if selection.currency:
        found = {selection.currency: found.get(selection.currency, [])}
    if len(found) > 1:
        raise WrongUsage(f"there are {', '.join(found)}: choose one with --currency")
    if not any(found.values()):
        output.error("nothing was sold, given back or paid in that time: there is nothing to draw")
        return ExitCode.FAILED
    ((currency, days),) = found.items()
    file: Path = arguments.to
    write_whole(file, [svg_chart(days, currency)])
    if output.as_json:
        output.json({"file": str(file), "currency": currency, "days_minor": [asdict(day) for day in days]})
    else:
        output.say(f"{file}: {len(days)} days in {currency}")
    return ExitCode.OK
