"""`orders dlq groups`: what has failed alike, and whether it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.domain.timestamps import utc_now
from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import aws_explained, sit_down, there
from orders.cli.dlq_tables import moment, money, money_as_json, print_table, table
from orders.cli.exit_codes import ExitCode
from orders.dlq.listing import list_groups

if TYPE_CHECKING:
    import argparse

    from lambdas.domain.failure import FailureGroup
    from orders.cli.console import Output
    from orders.dlq.listing import ListedGroup


def add_groups_options(parser: argparse.ArgumentParser) -> None:
    """Add --all and where to look."""
    parser.add_argument("--all", action="store_true", help="those that are over too")
    add_deployment_options(parser)


def groups(arguments: argparse.Namespace, output: Output) -> int:
    """List the groups."""
    _, desk = sit_down(arguments, output)
    with aws_explained():
        listed = list_groups(desk.failures, utc_now(), closed=arguments.all)
    if output.as_json:
        output.json([_group_as_json(one) for one in listed])
        return ExitCode.OK
    if not listed:
        output.say("No failure waits: every incident is over.")
        return ExitCode.OK
    shown = table(
        "FINGERPRINT",
        "FAILED AT",
        "OPEN",
        "TOTAL",
        "AT STAKE",
        "FIRST SEEN (UTC)",
        "LAST SEEN (UTC)",
        "TREND",
    )
    for one in listed:
        group = one.group
        shown.add_row(
            group.fingerprint,
            group.title,
            f"{group.open:,}",
            f"{group.total:,}",
            money(group.stake),
            moment(group.first_seen),
            moment(group.last_seen),
            f"{one.trend.word}, {one.trend.recent:,} in 15 min",
        )
    print_table(shown, output)
    largest = listed[0].group
    if largest.open > 0:
        output.say(f"What a replay would do: orders dlq plan --group {largest.fingerprint}{there(arguments)}")
    else:
        output.say("Nothing waits any more: the incidents close within minutes.")
    return ExitCode.OK


def _group_as_json(one: ListedGroup) -> dict[str, Any]:
    trend = {"word": one.trend.word, "recent": one.trend.recent, "before": one.trend.before}
    return {**group_as_json(one.group), "trend": trend}


def group_as_json(group: FailureGroup) -> dict[str, Any]:
    return {
        "fingerprint": group.fingerprint,
        "title": group.title,
        "frame": group.frame,
        "open": group.open,
        "total": group.total,
        "at_stake": money_as_json(group.stake),
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "incident_open": group.paging.triggered,
    }
