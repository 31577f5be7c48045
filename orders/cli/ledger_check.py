"""`orders ledger check`: says nothing when nothing is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.adapters.dynamodb.order_heads import DynamoOrderHeads
from lambdas.domain.timestamps import utc_now
from orders.cli.connection import open_deployment
from orders.cli.exit_codes import ExitCode
from orders.cli.ledger_command import add_command, add_time_options, selection_of
from orders.ledger.checks import NAMES, Books, run_checks
from orders.ledger.reading import open_ledger
from orders.ledger.sealed import open_sealed

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.cli.ledger_command import Commands
    from orders.deployment import Deployment


def add_check_command(commands: Commands) -> None:
    """Add check."""
    summary = f"check the ledger ({', '.join(NAMES)}); exit 3 with what was found"
    add_time_options(add_command(commands, "check", check, summary))


def check(arguments: argparse.Namespace, output: Output) -> int:
    """Run all checks; silent when nothing was found."""
    books = open_books(open_deployment(arguments))
    counts: Counter[str] = Counter()
    findings = []
    for finding in run_checks(books, selection_of(arguments, books.ledger).span):
        counts[finding.check] += 1
        if output.as_json:
            findings.append(asdict(finding))
        else:
            subject = f"{finding.subject} " if finding.subject else ""
            output.data.print(f"[bold red]{finding.check}[/]  {subject}{finding.what}", soft_wrap=True)
    if output.as_json:
        output.json(
            {
                "looked_at": dict(books.looked_at),
                "checks": {name: counts[name] for name in NAMES},
                "findings": findings,
            }
        )
    return ExitCode.FINDINGS if counts else ExitCode.OK


def open_books(deployment: Deployment) -> Books:
    """Return what there is to check of a deployment."""
    dynamodb = deployment.client("dynamodb")
    return Books(
        ledger=open_ledger(deployment),
        entries=DynamoEntryReader(dynamodb, deployment.output("LedgerTableName")),
        heads=DynamoOrderHeads(dynamodb, deployment.output("OrdersTableName")),
        log=open_sealed(deployment),
        now=utc_now(),
    )
