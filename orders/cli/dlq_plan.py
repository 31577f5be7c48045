"""`orders dlq plan`: what a replay would do to each failed order, frozen in a file."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.timestamps import to_text, utc_now
from lambdas.services.pacing import Pacer
from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import (
    a_fingerprint,
    a_time,
    an_order,
    aws_explained,
    sit_down,
    there,
)
from orders.cli.dlq_tables import money, money_as_json, print_table, table
from orders.cli.exit_codes import ExitCode
from orders.cli.numbers import positive
from orders.cli.phase_bars import PhaseBars
from orders.dlq.evidence import PROVIDER_READERS, Gatherer
from orders.dlq.plan import stake_of
from orders.dlq.plan_file import file_of, plan_as_json, write_plan
from orders.dlq.planning import Planning
from orders.dlq.provider import open_payments
from orders.dlq.select import Filters
from orders.dlq.tables import OrderTables
from orders.dlq.verdicts import Verdict

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.deployment import Deployment
    from orders.dlq.desk import Desk
    from orders.dlq.plan import Plan, PlanEntry

# Half of what Stripe answers a second at one endpoint (https://docs.stripe.com/rate-limits): the pipeline
# itself asks there too.
PROVIDER_RATE: Final = 12


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add the filters, --out and where the failures are."""
    parser.add_argument("--group", type=a_fingerprint, metavar="F", help="a group's fingerprint")
    parser.add_argument("--since", type=a_time, metavar="T", help="last seen since: a time, or 30m, 2h, 3d")
    parser.add_argument("--order", type=an_order, metavar="ID", help="an order and its refunds")
    parser.add_argument("--error", metavar="E", help="an error's class, or step:class")
    parser.add_argument("--limit", type=positive, metavar="N", help="those that have waited longest")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the plan's id .json")
    parser.add_argument(
        "--provider-rate",
        type=positive,
        default=PROVIDER_RATE,
        metavar="N",
        help="most payments to ask for a second, not for the local run (default: %(default)s)",
    )
    add_deployment_options(parser)


def plan(arguments: argparse.Namespace, output: Output) -> int:
    """Make a plan; exit 3 when somebody has to look at something."""
    deployment, desk = sit_down(arguments, output)
    filters = Filters(
        group=arguments.group,
        since=to_text(arguments.since) if arguments.since else None,
        order_id=arguments.order,
        error=arguments.error,
        limit=arguments.limit,
    )
    with aws_explained():
        made = _make(filters, deployment, desk, arguments.provider_rate, output)
    if not made.entries:
        output.say("No failure fits: `orders dlq groups` shows what waits. No plan was written.")
        if output.as_json:
            output.json(None)
        return ExitCode.OK
    path = arguments.out or file_of(made.plan_id)
    write_plan(made, path)
    if output.as_json:
        output.json({**plan_as_json(made), "file": str(path), "summary": _summary_as_json(made)})
    else:
        _print(made, path, arguments, output)
    return ExitCode.FINDINGS if made.of(Verdict.NEEDS_REVIEW) else ExitCode.OK


def _make(filters: Filters, deployment: Deployment, desk: Desk, provider_rate: int, output: Output) -> Plan:
    tables = OrderTables(
        deployment.client("dynamodb"),
        deployment.output("FailuresTableName"),
        deployment.output("OrdersTableName"),
        deployment.output("LedgerTableName"),
        deployment.output("InventoryTableName"),
    )
    with (
        open_payments(deployment, PROVIDER_READERS) as read_payment,
        PhaseBars(output, clock=utc_now) as bars,
    ):
        pacer = None if deployment.is_local else Pacer(provider_rate)
        gatherer = Gatherer(tables, desk.marks, read_payment, pacer)
        planning = Planning(deployment, desk.failures, desk.refunds, tables.records, gatherer, utc_now)
        failures = planning.select(filters)
        return planning.plan(filters, failures, bars.begin("looked at", len(failures)))


def _print(made: Plan, path: Path, arguments: argparse.Namespace, output: Output) -> None:
    shown = table("VERDICT", "REASON", "FAILED AT", "FAILURES", "AT STAKE")
    for (verdict, reason, title), entries in _grouped(made).items():
        shown.add_row(verdict, reason, title, f"{len(entries):,}", money(stake_of(entries)))
    print_table(shown, output)
    safe = made.of(Verdict.SAFE)
    output.say(f"{made.plan_id}: {len(safe):,} of {len(made.entries):,} are safe to replay.")
    where = there(arguments)
    if safe:
        output.say(f"To replay them: orders dlq apply {path} --reason CODE{where}")
    if ending := made.of(Verdict.WOULD_BE_REJECTED):
        output.say(f"What would be rejected, one by one: orders dlq abandon {ending[0].order_id}{where}")
    if review := made.of(Verdict.NEEDS_REVIEW):
        output.say(f"What needs review, one by one: orders dlq show {review[0].failure_id}{where}")
    if made.of(Verdict.ALREADY_DONE):
        output.say("What is done already leaves the list by itself, within minutes.")


def _summary_as_json(made: Plan) -> list[dict[str, Any]]:
    return [
        {
            "verdict": verdict,
            "reason": reason,
            "title": title,
            "failures": len(entries),
            "at_stake": money_as_json(stake_of(entries)),
        }
        for (verdict, reason, title), entries in _grouped(made).items()
    ]


def _grouped(made: Plan) -> dict[tuple[Verdict, str, str], list[PlanEntry]]:
    """Put together what is alike, by verdict in their order of hope, the most first."""
    groups: dict[tuple[Verdict, str, str], list[PlanEntry]] = defaultdict(list)
    for entry in made.entries:
        groups[entry.verdict, entry.reason, entry.title].append(entry)
    order = list(Verdict)
    return dict(sorted(groups.items(), key=lambda item: (order.index(item[0][0]), -len(item[1]), item[0])))
