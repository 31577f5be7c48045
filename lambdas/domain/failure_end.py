"""When a failure is over: what failed has come to an end after all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.failure import Failure, FailureState
from lambdas.domain.timestamps import from_text
from lambdas.domain.watch import has_live_claim

if TYPE_CHECKING:
    from datetime import datetime

    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

# The order or the refund had ended; its event was not published, which neither of them shows.
PUBLISHING: Final = frozenset({"publish", "publish refund"})
# Longer than all receives of a replayed message take, its dispatch dying at each of them (80 minutes).
LONGEST_REPLAY: Final = timedelta(hours=2)


def is_over(failure: Failure, order: Order | None, refund: Refund | None, *, came_through: bool) -> bool:
    """Tell whether a failure's subject has ended; `came_through` is of its last plan's message."""
    if failure.context.step in PUBLISHING:
        return came_through
    if failure.refund_id:
        return refund is not None and refund.finished
    return order is not None and order.terminal


def is_given_up(failure: Failure, order: Order | None, now: datetime) -> bool:
    """Tell whether a replay has stayed without any outcome, so that it waits to be looked at again."""
    if failure.state is not FailureState.REPLAYING or (order is not None and has_live_claim(order, now)):
        return False
    return now - from_text(failure.replayed_at or failure.last_seen) >= LONGEST_REPLAY
