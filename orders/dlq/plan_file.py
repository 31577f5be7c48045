"""A plan as a file: JSON that a person can read, and that nobody can change without its id telling."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.identifiers import looks_like_plan_id
from orders.dlq.plan import Plan, PlanEntry
from orders.dlq.refusals import DlqRefused
from orders.dlq.verdicts import Verdict

if TYPE_CHECKING:
    from lambdas.domain.identifiers import PlanId

FORMAT: Final = 1


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as it lies in its file."""
    return {"plan": plan.plan_id, "format": FORMAT, **asdict(plan)}


def file_of(plan_id: PlanId) -> Path:
    """Name the file that a plan has by default, in the folder where the command runs."""
    return Path(f"{plan_id}.json")


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan, whole or not at all.

    Raises:
        DlqRefused: the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(json.dumps(plan_as_json(plan), indent=1) + "\n")
        beside.replace(path)
    except OSError as error:
        raise DlqRefused(f"cannot write {path}: {error.strerror}") from error


def read_plan(name: str) -> Plan:
    """Read a plan by its file's path, or by its id where the file has that name.

    Raises:
        DlqRefused: there is none, it is no plan, or it was changed since it was made.
    """
    path = Path(name)
    if not path.suffix and looks_like_plan_id(name):
        path = Path(f"{name}.json")
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise DlqRefused(f"cannot read {path}: {error.strerror}; `orders dlq plan` makes one") from error
    except ValueError as error:
        raise DlqRefused(f"{path} is no plan: it is no JSON") from error
    plan = _plan(values, path)
    if values["plan"] != plan.plan_id:
        raise DlqRefused(f"{path} was changed since it was made: make a new one with `orders dlq plan`")
    return plan


def _plan(values: Any, path: Path) -> Plan:  # noqa: ANN401 - whatever the file holds
    try:
        if values["format"] != FORMAT:
            raise DlqRefused(f"{path} is of another version of this program: make a new one")
        facts = {name: value for name, value in values.items() if name not in {"plan", "format", "entries"}}
        entries = (PlanEntry(**{**e, "verdict": Verdict(e["verdict"])}) for e in values["entries"])
        return Plan(entries=tuple(entries), **facts)
    except (KeyError, TypeError, ValueError) as error:
        raise DlqRefused(f"{path} is no plan") from error
