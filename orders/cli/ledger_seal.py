"""`orders ledger prove`, `verify` and `close`: what the sealed log says of the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.markup import escape

from lambdas.domain.signed_note import NoteInvalid
from lambdas.domain.tiles import LogBroken
from lambdas.domain.timestamps import utc_now
from orders.cli.connection import WrongUsage
from orders.cli.exit_codes import ExitCode
from orders.cli.ledger_command import LedgerUnreadable, add_command, deployment_of
from orders.ledger.closing import CloseRefused, close_period
from orders.ledger.proofs import NotSealed, prove, write_folder
from orders.ledger.sealed import key_of, open_sealed
from orders.ledger.verification import verify_ledger

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.cli.ledger_command import Commands
    from orders.ledger.verification import Verification

MOST_SHOWN: Final = 20


def add_seal_commands(commands: Commands) -> None:
    """Add prove, verify and close."""
    command = add_command(
        commands, "prove", prove_, "write what proves an entry, or a month, to anybody offline"
    )
    command.add_argument("what", metavar="ENTRY|MONTH", help="an entry's id, or a month as 2026-10")
    command.add_argument("--to", type=Path, metavar="PATH", help="the file, or the folder of a month")
    command = add_command(commands, "verify", verify, "verify the ledger against its sealed log")
    command.add_argument(
        "--since", metavar="DATE|SIZE", help="from that day (UTC) or size of the log on (default: all)"
    )
    command = add_command(commands, "close", close, "close a month for good")
    command.add_argument("period", metavar="MONTH", help="such as 2026-10")


def prove_(arguments: argparse.Namespace, output: Output) -> int:
    """Write an entry's proof, or a month's folder."""
    what: str = arguments.what
    if not what.startswith("ent_"):
        return _prove_month(what, arguments, output)
    try:
        key = key_of(what)
    except ValueError:
        raise WrongUsage(f"{what} is no entry's id, such as ent_..._1") from None
    log = open_sealed(deployment_of(arguments, output))
    try:
        proof = prove(log, key)
    except KeyError:
        raise LedgerUnreadable(f"there is no entry {what}") from None
    except NotSealed as error:
        output.error(f"not yet sealed: {error}")
        return ExitCode.FINDINGS
    file: Path = arguments.to or Path(f"{what}.tlog-proof")
    file.write_text(proof, "utf-8")
    if output.as_json:
        output.json({"entry_id": what, "proof": str(file), "key": str(log.key)})
    else:
        output.say(f"{file}: {what} is in the log. To verify it anywhere: verify.py {file} --key KEY, with")
        output.data.print(str(log.key), soft_wrap=True)
    return ExitCode.OK


def _prove_month(month: str, arguments: argparse.Namespace, output: Output) -> int:
    folder: Path = arguments.to or Path(f"proofs-{month}")
    log = open_sealed(deployment_of(arguments, output))
    try:
        leaves = write_folder(log, month, folder)
    except ValueError:
        raise WrongUsage(f"{month} is neither an entry's id nor a month such as 2026-10") from None
    except NotSealed as error:
        output.error(str(error))
        return ExitCode.FINDINGS
    if output.as_json:
        output.json({"period": month, "folder": str(folder), "leaves": leaves, "key": str(log.key)})
    else:
        output.say(
            f"{folder}: {leaves:,} leaves. To verify them anywhere: python3 {folder}/verify.py {folder}"
        )
    return ExitCode.OK


def verify(arguments: argparse.Namespace, output: Output) -> int:
    """Verify; three answers: proven, not yet sealed, broken at an entry."""
    since: str | None = arguments.since
    log = open_sealed(deployment_of(arguments, output))
    try:
        found = verify_ledger(log, int(since) if since and since.isdecimal() else since, utc_now())
    except (NoteInvalid, LogBroken) as error:
        raise LedgerUnreadable(f"the log cannot be read: {error}") from error
    if output.as_json:
        output.json({**asdict(found), "proven": not found.broken})
    else:
        _tell(found, output)
    return ExitCode.FINDINGS if found.broken else ExitCode.OK


def _tell(found: Verification, output: Output) -> None:
    for broken in found.broken[:MOST_SHOWN]:
        output.data.print(f"[bold red]broken[/] {escape(str(broken))}", soft_wrap=True)
    if len(found.broken) > MOST_SHOWN:
        output.data.print(f"... and {len(found.broken) - MOST_SHOWN:,} more")
    if not found.broken:
        leaves = f"leaves {found.first:,} to {found.size:,}, {found.checkpoints:,} checkpoints"
        output.data.print(f"[green]proven[/] {leaves}, sealed to {found.sealed_until}")
    if found.unsealed:
        output.data.print(f"[yellow]not yet sealed[/] {found.unsealed:,} entries since then")


def close(arguments: argparse.Namespace, output: Output) -> int:
    """Close a month; of one that is closed, show the record again."""
    deployment = deployment_of(arguments, output)
    try:
        record = json.loads(close_period(deployment, arguments.period))
    except CloseRefused as error:
        output.error(str(error))
        return ExitCode.FINDINGS
    if output.as_json:
        output.json(record)
    else:
        output.say(
            f"{record['period']} is closed since {record['closed_at']}: {record['entries']:,} entries,"
            f" the log at {record['size']:,} leaves. Corrections go into the open period."
        )
    return ExitCode.OK
