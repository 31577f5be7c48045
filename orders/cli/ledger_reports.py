"""`orders ledger balance`, `register`, `print` and `export`: what is in the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from rich.table import Table

from lambdas.domain.money import decimal_text, format_minor
from orders.cli.connection import WrongUsage
from orders.cli.exit_codes import ExitCode
from orders.cli.ledger_command import (
    add_account_option,
    add_command,
    add_entry_options,
    add_time_options,
    deployment_of,
    selection_of,
)
from orders.ledger.exports import TEXT_FORMATS, write_whole
from orders.ledger.journals import hledger_entry
from orders.ledger.parquet import write_parquet
from orders.ledger.reading import open_ledger
from orders.ledger.register import carried_forward, register
from orders.ledger.totals import Totals

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.cli.ledger_command import Commands
    from orders.ledger.register import RegisterLine

PARQUET: Final = "parquet"
_ENTRY_ID_WIDTH: Final = 33
_AMOUNT_WIDTH: Final = 16


def add_report_commands(commands: Commands) -> None:
    """Add balance, register, print and export."""
    command = add_command(commands, "balance", balance, "show the trial balance")
    command.add_argument("--as-of", metavar="DAY", help="from the ledger's beginning to the end of that day")
    add_time_options(command)
    add_account_option(command)
    add_entry_options(command)
    command = add_command(commands, "register", statement, "show an account's statement")
    command.add_argument("account", metavar="ACCOUNT", help="such as Income:Sales, or Assets for all assets")
    add_time_options(command)
    add_entry_options(command)
    command = add_command(commands, "print", print_, "show the journal, as hledger reads it")
    add_time_options(command)
    add_account_option(command)
    add_entry_options(command)
    command = add_command(commands, "export", export, "write the journal for other programs")
    command.add_argument("--format", choices=(*TEXT_FORMATS, PARQUET), required=True)
    command.add_argument("--to", type=Path, metavar="FILE", help="default: standard output")
    add_time_options(command)
    add_account_option(command)
    add_entry_options(command)


def balance(arguments: argparse.Namespace, output: Output) -> int:
    """Show what every account comes to."""
    if arguments.as_of:
        if arguments.period or arguments.since or arguments.until:
            raise WrongUsage("--as-of is instead of --period, --since and --until")
        arguments.until = arguments.as_of
    ledger = open_ledger(deployment_of(arguments, output))
    selection = selection_of(arguments, ledger)
    totals = Totals()
    for entry in ledger.entries(selection):
        totals.add(entry, selection.takes_posting)
    if output.as_json:
        output.json(
            {
                "since": selection.span.since,
                "until": selection.span.until,
                "entries": totals.entries,
                "balances": [
                    {"account": b.account, **_amounts(b.currency, b.debit, b.credit)} for b in totals.balances
                ],
                "sums": [_amounts(currency, *sums) for currency, sums in totals.by_currency.items()],
            }
        )
    else:
        _print_balance(totals, output)
    return ExitCode.OK


def _amounts(currency: str, debit: int, credit: int) -> dict[str, str]:
    amounts = {"debit": debit, "credit": credit, "balance": debit - credit}
    return {"currency": currency, **{name: decimal_text(v, currency) for name, v in amounts.items()}}


def _print_balance(totals: Totals, output: Output) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("ACCOUNT", no_wrap=True)
    table.add_column("CURRENCY")
    for name in ("DEBIT", "CREDIT", "BALANCE"):
        table.add_column(name, justify="right", no_wrap=True)
    for b in totals.balances:
        table.add_row(b.account, b.currency, *_cells(b.currency, b.debit, b.credit))
    for currency, (debit, credit) in totals.by_currency.items():
        table.add_row("Sum", currency, *_cells(currency, debit, credit), style="bold")
    output.data.print(table)
    output.data.print(f"{totals.entries:,} entries")


def _cells(currency: str, debit: int, credit: int) -> list[str]:
    amounts = [format_minor(v, currency) if v else "" for v in (debit, credit)]
    return [*amounts, format_minor(debit - credit, currency)]


def statement(arguments: argparse.Namespace, output: Output) -> int:
    """Show an account's postings with a running balance, as they are read."""
    ledger = open_ledger(deployment_of(arguments, output))
    selection = selection_of(arguments, ledger)
    opening = carried_forward(ledger, selection)
    file = output.data.file
    if output.as_json:
        for currency, amount in opening.items():
            _write_json(file, _opening(selection.span.since, currency, amount))
        for line in register(ledger, selection, opening):
            _write_json(file, _register_json(line))
        return ExitCode.OK
    header = (
        f"{'BOOKED AT':<24}  {'ENTRY':<{_ENTRY_ID_WIDTH}}  {'KIND':<8}"
        f"  CUR  {'AMOUNT':>{_AMOUNT_WIDTH}}  {'BALANCE':>{_AMOUNT_WIDTH}}  ACCOUNT"
    )
    file.write(f"{header}\n")
    for currency, amount in opening.items():
        carried = format_minor(amount, currency)
        empty = " " * (_ENTRY_ID_WIDTH - len("carried forward") + 8 + 2)
        file.write(
            f"{selection.span.since:<24}  carried forward{empty}"
            f"  {currency}  {'':>{_AMOUNT_WIDTH}}  {carried:>{_AMOUNT_WIDTH}}  {selection.account}\n"
        )
    for line in register(ledger, selection, opening):
        file.write(_register_text(line))
    return ExitCode.OK


def _opening(since: str, currency: str, amount: int) -> dict[str, Any]:
    return {
        "booked_at": since,
        "entry_id": None,
        "currency": currency,
        "balance": decimal_text(amount, currency),
    }


def _register_json(line: RegisterLine) -> dict[str, Any]:
    entry, posting = line.entry, line.posting
    return {
        "booked_at": entry.booked_at,
        "entry_id": entry.entry_id,
        "order_id": entry.order_id,
        "kind": entry.kind,
        "psp_reference": entry.psp_reference,
        "account": posting.account,
        "currency": posting.currency,
        "amount": decimal_text(posting.amount, posting.currency),
        "balance": decimal_text(line.balance, posting.currency),
    }


def _register_text(line: RegisterLine) -> str:
    entry, posting = line.entry, line.posting
    amount, stands = (format_minor(v, posting.currency) for v in (posting.amount, line.balance))
    return (
        f"{entry.booked_at}  {entry.entry_id:<{_ENTRY_ID_WIDTH}}  {entry.kind:<8}  {posting.currency}"
        f"  {amount:>{_AMOUNT_WIDTH}}  {stands:>{_AMOUNT_WIDTH}}  {posting.account}\n"
    )


def print_(arguments: argparse.Namespace, output: Output) -> int:
    """Show whole entries, as they are read."""
    ledger = open_ledger(deployment_of(arguments, output))
    for entry in ledger.entries(selection_of(arguments, ledger)):
        if output.as_json:
            output.data.file.write(f"{entry.canonical.decode()}\n")
        else:
            output.data.file.write(hledger_entry(entry))
    return ExitCode.OK


def export(arguments: argparse.Namespace, output: Output) -> int:
    """Write whole entries in a format."""
    file: Path | None = arguments.to
    if arguments.format == PARQUET and file is None:
        raise WrongUsage("--format parquet wants --to FILE")
    ledger = open_ledger(deployment_of(arguments, output))
    totals = Totals()
    entries = totals.counting(ledger.entries(selection_of(arguments, ledger)))
    if arguments.format == PARQUET and file:
        write_parquet(entries, file)
    else:
        lines = TEXT_FORMATS[arguments.format](entries)
        if file:
            write_whole(file, lines)
        else:
            output.data.file.writelines(lines)
    if output.as_json and file:
        output.json({"file": str(file), "format": arguments.format, "entries": totals.entries})
    elif file:
        output.say(f"{file}: {totals.entries:,} entries")
    return ExitCode.OK


def _write_json(file: IO[str], value: dict[str, Any]) -> None:
    file.write(json.dumps(value, separators=(",", ":")) + "\n")
