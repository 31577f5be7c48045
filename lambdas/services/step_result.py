"""What every step tells the state machine: an outcome to choose by, and the event where the order ended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lambdas.domain.events import outcome_event, refund_event
from lambdas.domain.refund import RefundStatus

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

StepResult = dict[str, Any]


class Outcome(StrEnum):
    """The outcomes that the state machine's choices name."""

    CLAIMED = "claimed"
    ALREADY_ENDED = "already_ended"
    AUTHORIZED = "authorized"
    SHIPPED = "shipped"
    UNFULFILLABLE = "unfulfillable"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    TO_RESTOCK = "to_restock"
    ATTENTION_REQUIRED = "attention_required"


def went_on(outcome: Outcome, **facts: str) -> StepResult:
    """Report that the order goes on to its next step; facts are small and hold no customer data."""
    return {"outcome": outcome, **facts}


def ended(order: Order, outcome: Outcome | None = None) -> StepResult:
    """Report that the order is terminal or waits for a person, with the event that says so."""
    return {"outcome": outcome or Outcome(order.status), "event": outcome_event(order)}


def refund_decided(order: Order, refund: Refund) -> StepResult:
    """Report that the money is back or will not be, with the event of a refund that succeeded.

    The event does not wait for the shelf: goods that cannot be put back must not keep the news of the money.
    """
    if refund.status is RefundStatus.FAILED:
        return went_on(Outcome.REFUND_FAILED)
    outcome = Outcome.REFUNDED if refund.finished else Outcome.TO_RESTOCK
    return {"outcome": outcome, "event": refund_event(order, refund)}
