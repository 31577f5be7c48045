"""`orders dlq history`: who did what, why, when, and what came of it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.domain.identifiers import (
    looks_like_failure_id,
    looks_like_order_id,
    looks_like_refund_id,
)
from lambdas.domain.timestamps import to_text, utc_now
from orders.aws_errors import is_denied
from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import a_time, aws_explained, sit_down
from orders.cli.dlq_tables import moment, print_table, table
from orders.cli.exit_codes import ExitCode
from orders.dlq.history import history_of, history_since

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambdas.domain.identifiers import OperationId
    from lambdas.domain.operation import Operation
    from orders.cli.console import Output
    from orders.dlq.desk import Desk


def add_history_options(parser: argparse.ArgumentParser) -> None:
    """Add what about, since when, and where."""
    parser.add_argument(
        "subject", nargs="?", metavar="ID|PLAN", type=_subject, help="an order, refund, failure or plan"
    )
    parser.add_argument(
        "--since", type=a_time, metavar="T", help="a time, or 30m, 2h, 3d (default without ID: 7d)"
    )
    add_deployment_options(parser)


def history(arguments: argparse.Namespace, output: Output) -> int:
    """Show the history."""
    _, desk = sit_down(arguments, output)
    with aws_explained():
        if arguments.subject:
            operations = history_of(desk, arguments.subject)
            if arguments.since:
                operations = [o for o in operations if o.at >= to_text(arguments.since)]
        else:
            operations = history_since(desk, arguments.since or utc_now() - timedelta(days=7))
        notes = read_notes(desk, operations, output)
    if output.as_json:
        output.json(history_as_json(operations, notes))
    elif operations:
        print_history(operations, notes, output)
    else:
        output.say("Nothing was done.")
    return ExitCode.OK


def read_notes(desk: Desk, operations: Sequence[Operation], output: Output) -> Mapping[OperationId, str]:
    """Read what operators said in words, which may name people: not every role may."""
    try:
        return desk.history.notes(operations)
    except ClientError as error:
        if not is_denied(error):
            raise
    output.say("Reasons alone: this role may not read what operators said in words.")
    return {}


def history_as_json(
    operations: Sequence[Operation], notes: Mapping[OperationId, str]
) -> list[dict[str, Any]]:
    """Return the history for programs."""
    return [{**asdict(o), "note": notes.get(o.operation_id)} for o in operations]


def print_history(operations: Sequence[Operation], notes: Mapping[OperationId, str], output: Output) -> None:
    """Print the history for people; of one plan without saying so in each line."""
    of_one_plan = {o.plan_id for o in operations} == {operations[0].subject}
    plan = [] if of_one_plan else ["PLAN"]
    shown = table("AT (UTC)", "WHAT", "OF", "RESULT", "REASON", *plan, "WHO", "WHY")
    for operation in operations:
        why = " ".join(filter(None, (operation.incident, notes.get(operation.operation_id))))
        shown.add_row(
            moment(operation.at),
            operation.kind,
            operation.order_id or operation.subject,
            operation.result or operation.message_id or "",
            operation.reason_code,
            *([] if of_one_plan else [operation.plan_id or ""]),
            operation.actor.rpartition(":")[2].removeprefix("assumed-role/"),
            why,
        )
    print_table(shown, output)


def _subject(text: str) -> str:
    known = looks_like_order_id, looks_like_refund_id, looks_like_failure_id
    if not text.startswith("plan_") and not any(knows(text) for knows in known):
        raise argparse.ArgumentTypeError(f"{text!r} is no id of an order, a refund, a failure or a plan")
    return text
