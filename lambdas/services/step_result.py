"""What every step tells the state machine: an outcome to choose by, and the event where the order ended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.events import outcome_event

if TYPE_CHECKING:
    from lambdas.domain.order import Order

StepResult = dict[str, Any]

# Reasons of an order that cannot be fulfilled, which the steps that end it tell apart.
OUT_OF_STOCK: Final = "out_of_stock"
AUTHORIZATION_EXPIRED: Final = "authorization_expired"


class Outcome(StrEnum):
    """The outcomes that the state machine's choices name."""

    CLAIMED = "claimed"
    ALREADY_ENDED = "already_ended"
    AUTHORIZED = "authorized"
    SHIPPED = "shipped"
    UNFULFILLABLE = "unfulfillable"
    COMPLETED = "completed"
    REJECTED = "rejected"
    ATTENTION_REQUIRED = "attention_required"


def went_on(outcome: Outcome, **facts: str) -> StepResult:
    """Report that the order goes on to its next step; facts are small and hold no customer data."""
    return {"outcome": outcome, **facts}


def ended(order: Order, outcome: Outcome | None = None) -> StepResult:
    """Report that the order is terminal or waits for a person, with the event that says so."""
    return {"outcome": outcome or Outcome(order.status), "event": outcome_event(order)}
