"""`orders ledger ...`: the tree of its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.cli import ledger_audit, ledger_chart, ledger_check, ledger_reports, ledger_seal

if TYPE_CHECKING:
    import argparse


def add_ledger_commands(parser: argparse.ArgumentParser) -> None:
    """Add what `orders ledger` can do."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    ledger_reports.add_report_commands(commands)
    ledger_check.add_check_command(commands)
    ledger_chart.add_chart_command(commands)
    ledger_audit.add_audit_command(commands)
    ledger_seal.add_seal_commands(commands)
