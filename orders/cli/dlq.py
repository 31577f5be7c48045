"""`orders dlq`: the operators' commands, from the page to a resolved incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.domain.operation import OperationKind
from orders.cli import dlq_apply, dlq_decide, dlq_groups, dlq_history, dlq_plan, dlq_show, hold

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from orders.cli.console import Output

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name
    Run = Callable[[argparse.Namespace, Output], int]
    AddCommand = Callable[[Commands, str, Run, str], argparse.ArgumentParser]

_DECISIONS: Final = {
    OperationKind.QUARANTINE: "set a failure aside, so that no plan takes it",
    OperationKind.DISCARD: "give a failure up; its order stays as it is",
    OperationKind.RESTORE: "let a failure that was set aside or given up wait again",
}


def add_dlq_commands(commands: Commands, add_command: AddCommand) -> None:
    """Add `dlq` with its commands."""
    summary = "orders that failed for good: what they are, and how they go on"
    group = commands.add_parser("dlq", help=summary, description=summary.capitalize() + ".")
    inner = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    named: tuple[tuple[str, Run, str, Callable[[argparse.ArgumentParser], None]], ...] = (
        ("groups", dlq_groups.groups, "list what failed alike", dlq_groups.add_groups_options),
        ("show", dlq_show.show, "show all that is known of a failure or a group", dlq_show.add_show_options),
        ("plan", dlq_plan.plan, "judge what a replay would do, and freeze it", dlq_plan.add_plan_options),
        ("apply", dlq_apply.apply, "replay what a plan found safe", dlq_apply.add_apply_options),
        *(
            (str(kind), dlq_decide.deciding(kind), text, dlq_decide.add_failure_options)
            for kind, text in _DECISIONS.items()
        ),
        ("hold", hold.hold, "keep an order's payment authorised", hold.add_hold_options),
        (
            "abandon",
            dlq_decide.abandon,
            "end an order: void, release, reject",
            dlq_decide.add_abandon_options,
        ),
        ("history", dlq_history.history, "show who did what, and why", dlq_history.add_history_options),
    )
    for name, run, text, add_options in named:
        add_options(add_command(inner, name, run, text))
