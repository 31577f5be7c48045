"""The command line `orders`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lambdas.domain.cancellation import CANCEL_CODES
from lambdas.domain.refund import REASON_CODES
from orders.api_client import ApiRefused, ApiUnreachable
from orders.cli import amendments, demo, dlq, hold, import_retail, incidents, ledger, orders, trace, up
from orders.cli.connection import WrongUsage, add_connection_options
from orders.cli.console import Output
from orders.cli.exit_codes import ExitCode
from orders.cli.ledger_command import LedgerUnreadable
from orders.cli.numbers import positive
from orders.deployment import DeploymentError
from orders.dlq.refusals import DlqRefused
from orders.holding import HoldRefused
from orders.ledger.parquet import DuckDbMissing
from orders.local.incidents import IncidentsUnavailable
from orders.local.run import LocalRunError
from orders.local.run_file import NotRunning
from orders.retail.errors import ImportFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but something does not add up, 130 interrupted
Data goes to stdout, messages to stderr; NO_COLOR is obeyed."""

# Their message is one line that says what to do.
_FORESEEN = (
    ApiUnreachable,
    DeploymentError,
    DlqRefused,
    DuckDbMissing,
    HoldRefused,
    ImportFailed,
    IncidentsUnavailable,
    LedgerUnreadable,
    LocalRunError,
    NotRunning,
    amendments.Unreadable,
    orders.FileUnreadable,
)


def run() -> None:
    """Run as a program."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; an error is a line, never a traceback."""
    parsed = command_parser().parse_args(arguments)
    output = Output(as_json=parsed.json)
    try:
        code: int = parsed.run(parsed, output)
    except ApiRefused as error:
        _explain(error, output)
        return ExitCode.FAILED
    except WrongUsage as error:
        output.error(str(error))
        return ExitCode.USAGE
    except _FORESEEN as error:
        output.error(str(error))
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does: nothing is left to say.
        sys.stderr.close()
        return ExitCode.OK
    return code


def _explain(error: ApiRefused, output: Output) -> None:
    if output.as_json:
        output.json(error.problem)
        return
    code = error.problem.get("code", "")
    output.error(f"{error} ({error.status} {code})".replace(" )", ")"))
    if detail := error.problem.get("detail"):
        output.say(f"  {detail}")
    for problem in error.problem.get("errors", []):
        facts = "".join(f", {k} {v}" for k, v in problem.items() if k not in {"pointer", "code", "detail"})
        output.say(f"  {problem['pointer'] or '/'}: {problem['detail']} ({problem['code']}{facts})")


def command_parser() -> argparse.ArgumentParser:
    """Return what reads the command line, each command with its options."""
    parser = argparse.ArgumentParser(
        prog="orders",
        description="An order pipeline that you would trust with your own money.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = _command(commands, "demo", demo.demo, "start a pipeline and run 100 sample orders through it")
    command.add_argument("--once", action="store_true", help="end after the report instead of serving")
    command.add_argument("--orders", type=positive, default=100, metavar="N", help="default: %(default)s")
    up.add_run_options(command)

    command = _command(commands, "up", up.up, "start a pipeline on this machine and serve until Ctrl-C")
    command.add_argument("--samples", action="store_true", help="fill the catalogue with the demo's products")
    up.add_run_options(command)

    command = _command(
        commands, "incidents", incidents.incidents, "show who is paged for what on the local run"
    )
    incidents.add_incidents_options(command)

    command = _command(commands, "submit", orders.submit, "submit an order")
    command.add_argument("file", metavar="FILE", help="the order as JSON; - reads standard input")
    command.add_argument("--key", help="the Idempotency-Key (default: a new one)")
    command.add_argument("--wait", action="store_true", help="wait until the order has ended")
    add_connection_options(command)

    command = _command(commands, "cancel", amendments.cancel, "end an order before it is shipped")
    command.add_argument("order_id", metavar="ID")
    command.add_argument(
        "--reason", choices=CANCEL_CODES, default=CANCEL_CODES[0], help="default: %(default)s"
    )
    _add_following(command)

    command = _command(commands, "refund", amendments.refund, "give money of a completed order back")
    command.add_argument("order_id", metavar="ID")
    command.add_argument("--reason", choices=REASON_CODES, required=True)
    what = command.add_mutually_exclusive_group()
    what.add_argument("--amount", metavar="M", help="such as 12.50 (default: all that is left)")
    what.add_argument(
        "--line", action="append", default=[], metavar="N[xQ]", help="Q of line N, one by default; repeatable"
    )
    command.add_argument("--restock", action="store_true", help="put the goods back on sale")
    _add_following(command)

    command = _command(commands, "get", orders.get, "show an order")
    command.add_argument("order_id", metavar="ID")
    add_connection_options(command)

    command = _command(commands, "list", orders.list_, "list orders, newest first")
    command.add_argument("--limit", type=positive, default=20, metavar="N", help="default: %(default)s")
    command.add_argument("--cursor", help="go on where an earlier list ended")
    add_connection_options(command)

    command = _command(commands, "trace", trace.trace, "tell an order's whole story")
    trace.add_trace_options(command)
    command = _command(commands, "hold", hold.hold, "keep an order's payment authorised, however old it gets")
    hold.add_hold_options(command)
    dlq.add_dlq_commands(commands, _command)
    summary = "import a retailer's invoices as orders, and their credit notes as refunds"
    command = _command(commands, "import-retail", import_retail.import_retail, summary)
    import_retail.add_import_options(command)
    summary = "report on the ledger, check it, export it, prove it and close its months"
    command = commands.add_parser("ledger", help=summary, description=summary.capitalize() + ".")
    ledger.add_ledger_commands(command)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run_: object, summary: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    command.add_argument("--json", action="store_true", help="write JSON for programs")
    command.set_defaults(run=run_)
    return command


def _add_following(command: argparse.ArgumentParser) -> None:
    command.add_argument("--key", help="the Idempotency-Key (default: a new one)")
    command.add_argument("--wait", action="store_true", help="wait for what becomes of it")
    add_connection_options(command)
