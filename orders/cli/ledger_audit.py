"""`orders ledger audit-pack`: a month in one folder, for an auditor who has nothing else of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lambdas.domain.timestamps import to_text
from orders.cli.connection import WrongUsage
from orders.cli.exit_codes import ExitCode
from orders.cli.ledger_check import open_books
from orders.cli.ledger_command import add_command, deployment_of
from orders.ledger.audit_pack import Pack, pack_as_json, write_pack
from orders.ledger.selection import span_of

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.cli.ledger_command import Commands

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def add_audit_command(commands: Commands) -> None:
    """Add audit-pack."""
    summary = "write a month with its reports, exceptions and proofs into one folder, for an auditor"
    command = add_command(commands, "audit-pack", audit_pack, summary)
    command.add_argument("period", metavar="MONTH", help="such as 2026-10")
    command.add_argument("--to", type=Path, metavar="FOLDER", help="default: audit-MONTH")


def audit_pack(arguments: argparse.Namespace, output: Output) -> int:
    """Write the pack; exit 3 when it has exceptions or is not proven."""
    month: str = arguments.period
    if not _MONTH.fullmatch(month):
        raise WrongUsage(f"{month!r} is no month such as 2026-10")
    folder: Path = arguments.to or Path(f"audit-{month}")
    if folder.exists() and any(folder.iterdir()):
        raise WrongUsage(f"{folder} is not empty: a pack has a folder of its own")
    deployment = deployment_of(arguments, output)
    books = open_books(deployment)
    pack = Pack(
        period=month,
        span=span_of(month),
        deployment=str(deployment),
        made_at=to_text(books.now),
        seal_minutes=int(deployment.output("SealMinutes")),
        grace_minutes=-(-int(deployment.output("SealGraceSeconds")) // 60),
    )
    write_pack(deployment, books, pack, folder)
    if output.as_json:
        output.json({"folder": str(folder), **pack_as_json(pack)})
    else:
        _tell(pack, folder, output)
    return ExitCode.FINDINGS if pack.exceptions or pack.leaves is None else ExitCode.OK


def _tell(pack: Pack, folder: Path, output: Output) -> None:
    exceptions = pack.exceptions.total()
    found = f"{exceptions:,} exceptions, in {folder}/exceptions.csv" if exceptions else "no exception"
    proven = f"{pack.leaves:,} proven" if pack.leaves is not None else f"not proven: {pack.not_sealed}"
    output.say(f"{folder}: {pack.entries:,} entries, {proven}; {pack.orders:,} orders compared, {found}.")
    if pack.provider_silent:
        output.say(f"Not compared with the provider: {pack.provider_silent}")
    output.say(f"Begin with {folder}/README.md")
