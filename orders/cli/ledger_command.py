"""What the commands of `orders ledger` share: their options, where they work, and errors in one line."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.money import MINOR_DIGITS
from lambdas.domain.timestamps import from_text, to_text, utc_now
from orders.aws_errors import explain
from orders.cli.connection import WrongUsage, add_deployment_options, open_deployment
from orders.cli.trace import order_id
from orders.ledger.reading import EntryUnreadable
from orders.ledger.selection import Selection, Span, span_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.cli.console import Output
    from orders.deployment import Deployment
    from orders.ledger.reading import Ledger

    Command = Callable[[argparse.Namespace, Output], int]
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name


class LedgerUnreadable(Exception):
    """Ledger or log cannot be read; the message is one line that says why."""


def add_command(commands: Commands, name: str, run: Command, summary: str) -> argparse.ArgumentParser:
    """Add a command that works on a deployment's ledger."""
    command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    command.add_argument("--json", action="store_true", help="write JSON for programs")
    command.set_defaults(run=_explained(run))
    add_deployment_options(command)
    return command


def _explained(run: Command) -> Command:
    def explained(arguments: argparse.Namespace, output: Output) -> int:
        try:
            return run(arguments, output)
        except (BotoCoreError, ClientError) as error:
            raise LedgerUnreadable(explain(error)) from error
        except StoreUnavailable as error:
            raise LedgerUnreadable(f"AWS does not answer ({error}): try again in a moment") from error
        except EntryUnreadable as error:
            raise LedgerUnreadable(str(error)) from error

    return explained


def deployment_of(arguments: argparse.Namespace, output: Output) -> Deployment:
    """Find the pipeline, and say which one it is where it could be another."""
    deployment = open_deployment(arguments)
    if not deployment.is_local:
        output.say(f"{deployment}")
    return deployment


def add_time_options(command: argparse.ArgumentParser) -> None:
    """Add --period, --since and --until."""
    command.add_argument("--period", metavar="P", help="a year, a month or a day (UTC), such as 2026-12")
    command.add_argument("--since", metavar="DAY", help="from the beginning of that day on")
    command.add_argument("--until", metavar="DAY", help="to the end of that day (default: now)")


def add_entry_options(command: argparse.ArgumentParser) -> None:
    """Add --order and --currency."""
    command.add_argument("--order", metavar="ID", type=order_id, help="of that order alone")
    command.add_argument("--currency", metavar="CODE", type=_currency, help="in that currency, such as GBP")


def add_account_option(command: argparse.ArgumentParser) -> None:
    """Add --account."""
    command.add_argument("--account", metavar="NAME", help="on that account or those below it")


def selection_of(arguments: argparse.Namespace, ledger: Ledger) -> Selection:
    """Return what the options select; raises WrongUsage."""
    given = vars(arguments)
    return Selection(
        span=_span(given, ledger),
        order_id=given.get("order"),
        account=given.get("account"),
        currency=given.get("currency"),
    )


def _span(given: dict[str, str | None], ledger: Ledger) -> Span:
    # Nothing is booked in days to come, and each of them would be asked for.
    tomorrow = to_text(utc_now() + timedelta(days=1))[:10]
    end = f"{tomorrow}T00:00:00.000Z"
    period, since, until = given.get("period"), given.get("since"), given.get("until")
    if period and (since or until):
        raise WrongUsage("--period is instead of --since and --until")
    span = _read(period) if period else Span(ledger.beginning, end)
    if since:
        span = Span(_read(since).since, span.until)
    if until:
        span = Span(span.since, _read(until).until)
    if from_text(span.since) >= from_text(span.until):
        raise WrongUsage(f"--since {since} is after --until {until}")
    return Span(span.since, min(span.until, end))


def _read(period: str) -> Span:
    try:
        return span_of(period)
    except ValueError:
        raise WrongUsage(f"{period!r} is no time such as 2026, 2026-12 or 2026-12-24") from None


def _currency(text: str) -> str:
    code = text.upper()
    if code not in MINOR_DIGITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 4217 currency such as GBP")
    return code
