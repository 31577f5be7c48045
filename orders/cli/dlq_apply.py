"""`orders dlq apply`: replays what a plan found safe, with a canary first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.operation import OperationKind
from lambdas.domain.timestamps import utc_now
from orders.cli.connection import add_deployment_options
from orders.cli.dlq_arguments import (
    add_why_options,
    aws_explained,
    sit_down,
    there,
    why_of,
)
from orders.cli.dlq_tables import money, money_as_json, print_table, table
from orders.cli.exit_codes import ExitCode
from orders.cli.numbers import a_rate, not_negative
from orders.cli.phase_bars import PhaseBars
from orders.dlq.applying import Applied, Applying
from orders.dlq.deeds import Deeds
from orders.dlq.plan import stake_of
from orders.dlq.plan_file import read_plan
from orders.dlq.recurrence import Recurrence
from orders.dlq.refusals import DlqRefused
from orders.dlq.replaying import REFUSED, Replays, Standing
from orders.dlq.verdicts import Verdict

if TYPE_CHECKING:
    import argparse

    from orders.cli.console import Output
    from orders.deployment import Deployment
    from orders.dlq.desk import Desk
    from orders.dlq.plan import Plan, PlanEntry

RATE: Final = 10.0


def add_apply_options(parser: argparse.ArgumentParser) -> None:
    """Add the plan, why, how fast, --yes, and where."""
    parser.add_argument("plan", metavar="PLAN", help="the plan's file, or its id")
    add_why_options(parser)
    parser.add_argument(
        "--rate", type=a_rate, default=RATE, metavar="N/s", help="most a second (default: %(default)g)"
    )
    parser.add_argument(
        "--tolerate",
        type=not_negative,
        default=0,
        metavar="N",
        help="go on although so many fail of the same cause again (default: %(default)s)",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_deployment_options(parser)


def apply(arguments: argparse.Namespace, output: Output) -> int:
    """Replay; exit 3 when something came back, was refused, or has no outcome yet."""
    plan = read_plan(arguments.plan)
    deployment, desk = sit_down(arguments, output)
    _must_be_of(plan, deployment)
    safe = plan.of(Verdict.SAFE)
    if not safe:
        output.say(f"{plan.plan_id} has nothing that is safe to replay.")
        if output.as_json:
            output.json(_as_json(plan, Applied(0)))
        return ExitCode.OK
    if not arguments.yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            output.error("nobody can be asked here: add --yes to replay without a question")
            return ExitCode.USAGE
        if not _agrees(plan, safe, deployment, arguments.rate, output):
            output.say("Nothing was sent.")
            return ExitCode.OK
    return _apply(arguments, plan, safe, desk, output)


def _must_be_of(plan: Plan, deployment: Deployment) -> None:
    present = deployment.environment, deployment.identity.account, deployment.region
    if (plan.environment, plan.account, plan.region) != present:
        where = f"{plan.environment} in {plan.region}, account {plan.account}"
        raise DlqRefused(f"this plan was made for {where}, not for {deployment}: name it with --env")


def _agrees(plan: Plan, safe: list[PlanEntry], deployment: Deployment, rate: float, output: Output) -> bool:
    causes = len({entry.fingerprint for entry in safe})
    left = len(plan.entries) - len(safe)
    output.say(f"{plan.plan_id}, made {plan.made_at} by {plan.made_by}")
    output.say(f"On {deployment}" + (f", {deployment.identity}" if deployment.is_local else ""))
    output.say(
        f"Replays {len(safe):,} of {causes:,} cause{'s' if causes > 1 else ''} worth {money(stake_of(safe))}:"
        f" one of each first, then up to {rate:g} a second. Leaves {left:,} alone."
    )
    output.messages.print("Replay them? [y/N] ", end="", markup=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _apply(
    arguments: argparse.Namespace,
    plan: Plan,
    safe: list[PlanEntry],
    desk: Desk,
    output: Output,
) -> int:
    why = why_of(arguments)
    deeds = Deeds(desk, why)
    causes = frozenset(entry.fingerprint for entry in safe)
    applying = Applying(
        Replays(desk, plan.plan_id, why),
        arguments.rate,
        watch=Recurrence(desk.failures, causes, desk.time),
        tolerate=arguments.tolerate,
    )
    with aws_explained():
        again = any(o.kind is OperationKind.APPLY for o in desk.history.of(plan.plan_id))
        deed = deeds.begin(OperationKind.APPLY, plan.plan_id, plan_id=plan.plan_id)
        try:
            with PhaseBars(output, clock=utc_now) as bars:
                applying.begin_canary = lambda number: bars.begin("canary", number)
                applying.begin_rest = lambda number: bars.begin("replayed", number)
                applied = applying.run(safe, again=again)
        except KeyboardInterrupt:
            deeds.end(deed, "interrupted")
            _tell(plan, applying.applied, arguments, output)
            return ExitCode.INTERRUPTED
        deeds.end(deed, "stopped" if applied.stopped else "done")
    _tell(plan, applied, arguments, output)
    good = applied.count(Standing.DONE) == applied.total
    return ExitCode.OK if good else ExitCode.FINDINGS


def _tell(plan: Plan, applied: Applied, arguments: argparse.Namespace, output: Output) -> None:
    if output.as_json:
        output.json(_as_json(plan, applied))
    else:
        shown = table("WHAT BECAME OF THEM", "DETAIL", "ORDERS")
        for standing in Standing:
            for detail, number in sorted(applied.details(standing).items()):
                shown.add_row(standing, detail, f"{number:,}")
        if applied.not_begun:
            shown.add_row("not_begun", "", f"{applied.not_begun:,}")
        print_table(shown, output)
    where = there(arguments)
    if applied.stopped:
        output.say(f"Stopped: {applied.stopped}.")
    if back := applied.count(Standing.CAME_BACK):
        what = f"{back:,} came back and wait again" if back > 1 else "One came back and waits again"
        output.say(f"{what}: orders dlq groups{where}")
    if under_way := applied.count(Standing.UNDER_WAY):
        output.say(f"{under_way:,} under way, which go on by themselves.")
    if applied.count(*REFUSED):
        output.say(f"What was refused is as it was: a new plan looks at it anew (orders dlq plan{where}).")
    if applied.not_begun or under_way:
        again = f"orders dlq apply {arguments.plan} --reason {arguments.reason}{where}"
        when = "When its cause is mended, go on" if back else "To go on"
        output.say(f"{when}, nothing is replayed twice: {again}")


def _as_json(plan: Plan, applied: Applied) -> dict[str, Any]:
    details = {standing: applied.details(standing) for standing in Standing}
    return {
        "plan": plan.plan_id,
        "safe": applied.total,
        "at_stake": money_as_json(stake_of(plan.of(Verdict.SAFE))),
        "stopped": applied.stopped,
        "not_begun": applied.not_begun,
        **{standing: sum(found.values()) for standing, found in details.items()},
        "details": {standing: dict(found) for standing, found in details.items() if found},
        "orders": {failure_id: stand.standing for failure_id, stand in applied.stands.items()},
    }
