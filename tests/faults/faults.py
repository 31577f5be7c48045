"""How a call of the outside goes wrong: the columns of the matrix.

What a caller sees of a failure is told apart from whether the call had its effect, and how long it lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.faults.boundaries import Boundary


class Killed(BaseException):
    """The worker is gone, and with it all that was under way in it: no code of ours may catch this."""


class FunctionEnded(BaseException):
    """One function of the workflow is gone; the state machine hears of it and goes on."""


class Seen(Enum):
    """What the caller sees of a failed call."""

    NOTHING_EVER = "the worker is killed"
    FUNCTION_ENDS = "the function is ended"
    NO_ANSWER = "no answer comes"
    ERROR = "an error of the server"
    THROTTLED = "too many requests"
    CONFLICT = "a transaction beside it"


class Lasts(Enum):
    """Which calls fail, beginning with the first: calls alike, of the same lines of code."""

    ONE_TRY = "one try on the wire, so that the SDK's next may come through"
    ONE_CALL = "all tries on the wire of one call"
    ONE_DELIVERY = "all calls until the message is received again"
    DELIVERIES = "all calls of so many deliveries that the message is dead by then, or parked"


# More than a message may be received, and than failures open the breaker.
MANY_DELIVERIES: Final = 6


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail."""

    name: str
    seen: Seen
    happened: bool
    lasts: Lasts = Lasts.ONE_TRY

    def applies_to(self, boundary: Boundary) -> bool:
        """Tell whether this can happen to a call."""
        match self.seen:
            case Seen.FUNCTION_ENDS:
                return boundary.worker in STEP_FUNCTIONS
            case Seen.CONFLICT:
                return boundary.operation in TRANSACTIONS
        if self.lasts in {Lasts.ONE_DELIVERY, Lasts.DELIVERIES}:
            return boundary.worker in STEP_FUNCTIONS
        return True


STEP_FUNCTIONS: Final = frozenset({"validate", "payment", "fulfil"})
TRANSACTIONS: Final = frozenset({"TransactWriteItems", "ExecuteTransaction"})

FAULTS: Final = (
    Fault("killed before", Seen.NOTHING_EVER, happened=False),
    Fault("killed after", Seen.NOTHING_EVER, happened=True),
    Fault("function ended before", Seen.FUNCTION_ENDS, happened=False),
    Fault("function ended after", Seen.FUNCTION_ENDS, happened=True),
    Fault("answer lost once", Seen.NO_ANSWER, happened=True),
    Fault("answer lost", Seen.NO_ANSWER, happened=True, lasts=Lasts.ONE_CALL),
    Fault("server error", Seen.ERROR, happened=False, lasts=Lasts.ONE_CALL),
    Fault("server error after the effect", Seen.ERROR, happened=True, lasts=Lasts.ONE_CALL),
    Fault("throttled", Seen.THROTTLED, happened=False, lasts=Lasts.ONE_CALL),
    Fault("transaction conflict", Seen.CONFLICT, happened=False),
    Fault("answers lost for a delivery", Seen.NO_ANSWER, happened=True, lasts=Lasts.ONE_DELIVERY),
    Fault("server errors for six deliveries", Seen.ERROR, happened=False, lasts=Lasts.DELIVERIES),
)
