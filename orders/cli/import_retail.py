"""`orders import-retail`: a retailer's invoices through the pipeline, with an account of every row."""

from __future__ import annotations

import csv
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import StoreUnavailable
from orders.api_client import ApiUnreachable, OrdersClient
from orders.cli.connection import WrongUsage
from orders.cli.exit_codes import ExitCode
from orders.cli.import_report import print_report
from orders.cli.phase_bars import PhaseBars
from orders.cli.up import add_run_options, local_run, terminated_like_interrupted
from orders.local.aws import engine_client
from orders.local.books import Books, captured_by_order, read_books
from orders.local.run_file import read_run_file
from orders.local.standins.remote import ControlFailedError
from orders.patient_client import PatientClient
from orders.retail.catalogue_table import CatalogueTable
from orders.retail.errors import ImportFailed, ImportStopped
from orders.retail.file import RetailFile, read_retail_file
from orders.retail.importing import RetailImport
from orders.retail.report import Report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from orders.cli.console import Output
    from orders.local.run_file import Addresses
    from orders.retail.imported import Imported

DEFAULT_CLIENT: Final = "retail"
SCOPES: Final = "orders:price orders:refund"
_GOES_ON: Final = "what was accepted stays, and nothing is done twice: run the same command again to go on"
_BOOKS_TRIES: Final = 10
_BOOKS_REST_SECONDS: Final = 1.0


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """Add the file and what an import can be told."""
    parser.add_argument("file", metavar="CSV", type=Path, help="invoices in the format of Online Retail")
    parser.add_argument(
        "--client", default=DEFAULT_CLIENT, help="the client to order as (default: %(default)s)"
    )
    parser.add_argument(
        "--excluded",
        type=Path,
        metavar="FILE",
        help="write the rows that are not imported here, with reasons",
    )
    parser.add_argument(
        "--once", action="store_true", help="start a pipeline for this import and stop it after"
    )
    add_run_options(parser.add_argument_group("with --once"))


def import_retail(arguments: argparse.Namespace, output: Output) -> int:
    """Import a file; exit 3 when an order is stuck or a sum does not close."""
    if arguments.data and not arguments.once:
        raise WrongUsage("--data is for a pipeline of the import's own: add --once, or leave it out")
    with PhaseBars(output) as bars:
        file = read_retail_file(arguments.file, lambda lines: bars.begin("reading", lines))
    with _pipeline(arguments, output) as addresses:
        try:
            report = _import(arguments, file, addresses, output)
        except KeyboardInterrupt:
            output.say(stopped(arguments))
            return ExitCode.INTERRUPTED
        if output.as_json:
            output.json(report.as_json())
        else:
            print_report(report, arguments, output)
        if arguments.excluded:
            write_excluded(arguments.excluded, report.imported)
    return verdict(report, output)


def verdict(report: Report, output: Output) -> ExitCode:
    """Say what does not add up, if anything; exit 3 then."""
    if report.imported.stuck:
        output.error(
            f"{len(report.imported.stuck):,} have not ended", "the same command again goes on with them"
        )
    if report.open_sums:
        output.error(f"these sums do not close: {', '.join(report.open_sums)}")
    return ExitCode.OK if report.sound else ExitCode.FINDINGS


def settled_books(addresses: Addresses) -> Books:
    """Read the books; while others order, the ledger and the provider need a moment to agree."""
    for _ in range(_BOOKS_TRIES):
        books = read_books(addresses)
        if books.balanced:
            break
        time.sleep(_BOOKS_REST_SECONDS)
    return books


def write_excluded(path: Path, imported: Imported) -> None:
    """Write every excluded row with its line in the file, its amount in pennies and its reason."""
    rows = sorted(imported.tally.excluded_rows, key=lambda told: told[0].number)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("line", "invoice", "stock_code", "quantity", "amount_minor", "reason"))
            for row, reason in rows:
                writer.writerow((row.number, row.invoice, row.sku, row.quantity, row.amount, reason))
    except OSError as error:
        raise ImportFailed(f"{path}: {error.strerror}") from error


@contextmanager
def _pipeline(arguments: argparse.Namespace, output: Output) -> Iterator[Addresses]:
    if arguments.once:
        with local_run(arguments, output) as run:
            yield run.addresses
    else:
        addresses = read_run_file()
        with terminated_like_interrupted():
            yield addresses


def _import(arguments: argparse.Namespace, file: RetailFile, addresses: Addresses, output: Output) -> Report:
    headers = {"X-Orders-Client": arguments.client, "X-Orders-Scopes": SCOPES}
    client = PatientClient(OrdersClient(addresses.api_url, headers))
    inventory = addresses.outputs["InventoryTableName"]
    catalogue = CatalogueTable(engine_client("dynamodb", addresses.engine_url), inventory)
    try:
        with PhaseBars(output) as bars:
            imported = RetailImport(client, catalogue, bars).run(file)
    except (ApiUnreachable, StoreUnavailable) as error:
        raise ImportStopped(f"{error}; {_GOES_ON}") from error
    try:
        captured, books = captured_by_order(addresses), settled_books(addresses)
    except (ControlFailedError, OSError, StoreUnavailable) as error:
        raise ImportStopped(f"the books cannot be read ({error}); {_GOES_ON}") from error
    return Report(imported, books, sum(captured.get(order_id, 0) for order_id in imported.order_ids))


def stopped(arguments: argparse.Namespace) -> str:
    """Say what a stop means for what was done so far."""
    if arguments.once and not arguments.data:
        return "Stopped; this pipeline is gone with what it held. With --data DIR the same command goes on."
    return f"Stopped; {_GOES_ON}."
