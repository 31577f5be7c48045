"""`orders dlq show`: all that is known of a failure or of a group of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from lambdas.domain.identifiers import Fingerprint, looks_like_fingerprint
from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import a_failure, aws_explained, sit_down, there
from orders.cli.dlq_groups import group_as_json
from orders.cli.dlq_history import history_as_json, print_history, read_notes
from orders.cli.dlq_tables import moment, money, money_as_json, print_table, table
from orders.cli.exit_codes import ExitCode
from orders.cli.trace import LOG_SECONDS
from orders.dlq.refusals import DlqRefused
from orders.trace.agreement import compare
from orders.trace.as_json import trace_as_json
from orders.trace.gather import trace_order
from orders.trace.layout import grid
from orders.trace.render import render

if TYPE_CHECKING:
    from lambdas.domain.failure import Failure, FailureGroup
    from orders.cli.console import Output
    from orders.deployment import Deployment
    from orders.dlq.desk import Desk

SHOWN: Final = 20


def add_show_options(parser: argparse.ArgumentParser) -> None:
    """Add what to show and where to look for it."""
    parser.add_argument("subject", metavar="ID|FINGERPRINT", type=_subject)
    parser.add_argument(
        "--log-seconds",
        type=int,
        default=LOG_SECONDS,
        metavar="N",
        help="read in each function's log for so long (default: %(default)s)",
    )
    add_deployment_options(parser)


def show(arguments: argparse.Namespace, output: Output) -> int:
    """Show all that is known of a group or of a failure."""
    deployment, desk = sit_down(arguments, output)
    with aws_explained():
        if looks_like_fingerprint(arguments.subject):
            return _show_group(arguments, desk, output)
        return _show_failure(arguments, deployment, desk, output)


def _show_group(arguments: argparse.Namespace, desk: Desk, output: Output) -> int:
    fingerprint = Fingerprint(arguments.subject)
    group = desk.failures.group(fingerprint)
    if group is None:
        raise DlqRefused(f"there is no group {fingerprint}: `orders dlq groups --all` shows all there are")
    waiting = list(islice(desk.failures.waiting_in(fingerprint), SHOWN))
    if output.as_json:
        output.json({**group_as_json(group), "failures": [_failure_as_json(f) for f in waiting]})
        return ExitCode.OK
    output.data.print(grid(_group_rows(group)))
    if waiting:
        shown = table("FAILURE", "ORDER", "STATE", "AT STAKE", "LETTERS", "REPLAYS", "LAST SEEN (UTC)")
        for f in waiting:
            stake = {f.stake.currency: f.stake.total} if f.stake.currency else {}
            facts = f.failure_id, f.subject, f.state, money(stake), str(f.letters), str(f.applies)
            shown.add_row(*facts, moment(f.last_seen))
        output.data.print()
        print_table(shown, output)
    if group.open > len(waiting):
        output.say(f"and {group.open - len(waiting):,} more")
    where = there(arguments)
    output.say(f"What a replay would do: orders dlq plan --group {fingerprint}{where}")
    return ExitCode.OK


def _show_failure(arguments: argparse.Namespace, deployment: Deployment, desk: Desk, output: Output) -> int:
    failure = desk.failures.get(arguments.subject)
    if failure is None:
        raise DlqRefused(f"nothing failed under {arguments.subject}: `orders dlq groups` shows what did")
    operations = list(desk.history.of(failure.failure_id))
    notes = read_notes(desk, operations, output)
    traced = trace_order(deployment, failure.order_id, arguments.log_seconds) if failure.order_id else None
    if output.as_json:
        told = trace_as_json(traced, compare(traced), deployment) if traced else None
        history = history_as_json(operations, notes)
        output.json({**_failure_as_json(failure), "history": history, "trace": told})
        return ExitCode.OK
    output.data.print(grid(_failure_rows(failure)))
    if operations:
        output.data.print()
        print_history(operations, notes, output)
    if traced:
        output.data.print()
        render(traced, compare(traced), output.data)
    return ExitCode.OK


def _group_rows(group: FailureGroup) -> list[tuple[str, Text]]:
    told = group.paging
    page = f"told {told.open:,} at {moment(told.at)} UTC" if told.at else "not told yet"
    state = "open" if told.triggered else "closed"
    return [
        ("Group", Text(f"{group.fingerprint}  {group.title}")),
        ("Frame", Text(group.frame or "not known")),
        ("Waiting", Text(f"{group.open:,} of {group.total:,}, {money(group.stake)}")),
        ("Seen", Text(f"first {moment(group.first_seen)}, last {moment(group.last_seen)} UTC")),
        ("Incident", Text(f"{state}, {page}")),
    ]


def _failure_rows(failure: Failure) -> list[tuple[str, Text]]:
    context, stake = failure.context, failure.stake
    at = f", at {context.failed_at}" if context.failed_at else ""
    amounts = money({stake.currency: stake.total} if stake.currency else {})
    plan = f", last by {failure.plan_id}" if failure.plan_id else ""
    states = ", ".join(filter(None, (stake.status, stake.payment_status, stake.fulfillment_status)))
    rows = [
        ("Failure", f"{failure.failure_id}  {failure.state}"),
        ("Group", f"{failure.fingerprint}  {context.title}"),
        ("Order", " ".join(filter(None, (failure.order_id, failure.refund_id))) or "none can be read"),
        ("Stake", f"{amounts}{f'; the order was {states}' if states else ''}"),
        ("Error", context.error or "its message is not ours to show"),
        ("Frame", context.frame or "not known"),
        ("Tries", f"{context.attempts} receives{at}, execution {context.claim or 'none'}"),
        ("Trace", f"{context.trace_id or 'none'}, code {context.code_version or 'not known'}"),
        ("Seen", f"first {moment(failure.first_seen)}, last {moment(failure.last_seen)} UTC"),
        ("Letters", f"{failure.letters}, the newest is {failure.last_message_id}"),
        ("Archive", failure.archive_key),
        ("Replays", f"{failure.applies}{plan}"),
        ("Message", failure.body or "not readable: it lies raw in the archive"),
    ]
    return [(label, Text(text)) for label, text in rows]


def _failure_as_json(failure: Failure) -> dict[str, Any]:
    stake = {failure.stake.currency: failure.stake.total} if failure.stake.currency else {}
    return {
        **asdict(failure),
        "fingerprint": failure.fingerprint,
        "title": failure.context.title,
        "at_stake": money_as_json(stake),
    }


def _subject(text: str) -> str:
    if looks_like_fingerprint(text):
        return text
    try:
        return a_failure(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, and no fingerprint") from None
