"""`orders up`: the pipeline on this machine until Ctrl-C."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from orders.cli.exit_codes import ExitCode
from orders.cli.incidents import POLL_SECONDS, tell_news, tell_open
from orders.local.incidents import Incidents, IncidentsUnavailable
from orders.local.run import LocalRun, Ports
from orders.local.stock import put_products
from orders.sample_orders import CATALOGUE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from types import FrameType

    from orders.cli.console import Output
    from orders.local.run_file import Addresses


def add_run_options(parser: argparse._ActionsContainer) -> None:
    """Add the options of every command that starts a pipeline."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the state here across restarts")
    parser.add_argument("--port", type=int, default=4566, help="of the AWS engine (default: %(default)s)")
    parser.add_argument(
        "--payment-port", type=int, default=12111, help="of the payment stand-in (default: %(default)s)"
    )
    parser.add_argument(
        "--warehouse-port", type=int, default=12112, help="of the warehouse stand-in (default: %(default)s)"
    )
    parser.add_argument(
        "--pagerduty-port", type=int, default=12113, help="of the PagerDuty stand-in (default: %(default)s)"
    )


def up(arguments: argparse.Namespace, output: Output) -> int:
    """Serve until Ctrl-C."""
    with local_run(arguments, output) as run:
        if arguments.samples:
            put_products(run.addresses, CATALOGUE)
        serve(run.addresses, output, lambda: _announce(run.addresses, output))
    return ExitCode.OK


def _announce(addresses: Addresses, output: Output) -> None:
    if output.as_json:
        output.json({"api_url": addresses.api_url, "engine_url": addresses.engine_url})
    else:
        print_addresses(addresses, output)


@contextmanager
def local_run(arguments: argparse.Namespace, output: Output) -> Iterator[LocalRun]:
    """Start the pipeline as the options say, and stop it whatever happens."""
    ports = Ports(arguments.port, arguments.payment_port, arguments.warehouse_port, arguments.pagerduty_port)

    def told(step: str, seconds: float) -> None:
        output.say(f"[green]✓[/] {step:<45} {seconds:5.1f} s")

    with terminated_like_interrupted(), LocalRun(ports, arguments.data, told) as run:
        yield run


def serve(addresses: Addresses, output: Output, announce: Callable[[], None] = lambda: None) -> None:
    """Announce what is up, then tell of pages until Ctrl-C: whoever reads the announcement may stop it."""
    try:
        announce()
        output.say("Serving until Ctrl-C.")
        _tell_pages(Incidents(addresses), output)
    except KeyboardInterrupt:
        output.say("Stopping.")


def _tell_pages(source: Incidents, output: Output) -> None:
    """Go on for ever; that the stand-in does not answer is told once."""
    answers = True
    tell = tell_open
    while True:
        try:
            tell(source, output)
            tell, answers = tell_news, True
        except IncidentsUnavailable as error:
            if answers:
                output.error(str(error))
            answers = False
        time.sleep(POLL_SECONDS)


def print_addresses(addresses: Addresses, output: Output) -> None:
    """Show where everything answers."""
    table = Table.grid(padding=(0, 2))
    table.add_row("HTTP API", addresses.api_url)
    table.add_row("AWS endpoint", addresses.engine_url)
    table.add_row("Payment provider", addresses.payment_url)
    table.add_row("Warehouse", addresses.warehouse_url)
    table.add_row("PagerDuty", addresses.pagerduty_url)
    output.data.print(table)


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Turn SIGTERM into KeyboardInterrupt, so that both leave nothing behind.

    SIGINT is set as well: a shell starts what runs in its background with that signal ignored.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {name: signal.signal(name, interrupt) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
