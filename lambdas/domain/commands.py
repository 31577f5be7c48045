"""What a message on the orders queue asks for: small facts that name an order, never its content."""

from __future__ import annotations

import json
from typing import Final

from lambdas.domain.identifiers import (
    OrderId,
    PlanId,
    RefundId,
    looks_like_order_id,
    looks_like_plan_id,
    looks_like_refund_id,
)

PROCESS: Final = "process"
CANCEL: Final = "cancel"
REFUND: Final = "refund"

# How often a message was parked during an outage; a field of the message, and none of the command.
PARKED: Final = "parked"
# The plan by which an operator sent a message again; likewise.
REPLAY: Final = "replay"

Command = dict[str, str]


def process_command(order_id: OrderId) -> Command:
    """Ask for an order to be processed."""
    return {"command": PROCESS, "order_id": order_id}


def cancel_command(order_id: OrderId) -> Command:
    """Ask for the end of an order whose head says that it is to end."""
    return {"command": CANCEL, "order_id": order_id}


def refund_command(order_id: OrderId, refund_id: RefundId) -> Command:
    """Ask for a refund of an order."""
    return {"command": REFUND, "order_id": order_id, "refund_id": refund_id}


def parked_before(body: str) -> int:
    """Tell how often a message that is a command was parked."""
    parked = json.loads(body).get(PARKED, 0)
    return parked if isinstance(parked, int) and not isinstance(parked, bool) and parked > 0 else 0


def parked_once_more(body: str) -> str:
    """Return the message as it is sent again."""
    return json.dumps({**json.loads(body), PARKED: parked_before(body) + 1}, separators=(",", ":"))


def replay_of(body: str) -> PlanId | None:
    """Return the plan by which a message that is a command was sent again."""
    plan = json.loads(body).get(REPLAY)
    return PlanId(plan) if isinstance(plan, str) and looks_like_plan_id(plan) else None


def replayed_by(body: str, plan_id: PlanId) -> str:
    """Return a message that is a command as an operator's plan sends it again, as if it was never parked."""
    facts = {name: value for name, value in json.loads(body).items() if name != PARKED}
    return json.dumps({**facts, REPLAY: plan_id}, separators=(",", ":"))


def command_text(command: Command) -> str:
    """Return a command as a message's body."""
    return json.dumps(command, separators=(",", ":"))


def read_command(body: str) -> Command | None:
    """Read a message; None when it is no command of ours."""
    try:
        command = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(command, dict):
        return None
    name, order_id, refund_id = (command.get(key) for key in ("command", "order_id", "refund_id"))
    if not isinstance(order_id, str) or not looks_like_order_id(order_id):
        return None
    if name == REFUND and isinstance(refund_id, str) and looks_like_refund_id(refund_id):
        return refund_command(OrderId(order_id), RefundId(refund_id))
    if name == CANCEL:
        return cancel_command(OrderId(order_id))
    return process_command(OrderId(order_id)) if name == PROCESS else None
