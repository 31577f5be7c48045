"""What failed for good, and its group: from the dead letter to the end of the incident.

An order (or one of its refunds) has one failure, however often it dies; its messages come and go. Failures
that are alike form a group by their fingerprint, and a group has one incident at a time. Ids and codes only:
no customer data, no free text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import fingerprint_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.identifiers import FailureId, Fingerprint, OrderId, PlanId, RefundId

# After so many applies an order that comes back is set aside: it would only fail once more.
MAX_APPLIES: Final = 3
UNREADABLE: Final = "unreadable"
UNKNOWN: Final = "unknown"


class FailureState(StrEnum):
    """Where a failure stands; `open` and `replaying` keep its group's incident open."""

    OPEN = "open"
    REPLAYING = "replaying"
    RESOLVED = "resolved"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"


WAITING: Final = frozenset({FailureState.OPEN, FailureState.REPLAYING})


@dataclass(frozen=True, slots=True)
class FailureContext:
    """How a message's last execution failed, as dispatch saw it at the last receive.

    `frame` is the innermost frame of our own code, `file:function` without a line number; `error` the message
    of a failure of ours, None of anybody else's; `claim` the execution's name; `trace_id` X-Ray's.
    """

    step: str = UNKNOWN
    error_class: str = UNKNOWN
    frame: str = ""
    error: str | None = None
    attempts: int = 0
    claim: str | None = None
    execution: str | None = None
    trace_id: str | None = None
    code_version: str | None = None
    failed_at: str | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        """What it has in common with failures that are alike."""
        return fingerprint_for(self.step, self.error_class, self.frame)

    @property
    def title(self) -> str:
        """Name it for people, as in `capture:LedgerConflict`."""
        return f"{self.step}:{self.error_class}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter queue; `sent_at` is RFC 3339, `receives` counts those of this queue."""

    message_id: str
    body: str
    sent_at: str
    receives: int
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Stake:
    """The order's state and money when it failed; `total` is in minor units. Empty without an order."""

    currency: str | None = None
    total: int = 0
    status: str | None = None
    payment_status: str | None = None
    fulfillment_status: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An order's or a refund's failure.

    `letters` counts the messages that died, `last_message_id` is the newest one's, `body` the command as it
    is sent again, `group` its fair-queue group; `archive_key` the newest letter in the archive. `applies`
    counts the replays, `plan_id` is the last one's and `replayed_at` its time. `revision` counts the writes,
    and guards them.
    """

    failure_id: FailureId
    order_id: OrderId | None
    refund_id: RefundId | None
    body: str
    context: FailureContext
    stake: Stake
    first_seen: str
    last_seen: str
    last_message_id: str
    archive_key: str
    group: str | None = None
    state: FailureState = FailureState.OPEN
    letters: int = 1
    applies: int = 0
    plan_id: PlanId | None = None
    replayed_at: str | None = None
    revision: int = 1

    @property
    def fingerprint(self) -> Fingerprint:
        """Its group."""
        return self.context.fingerprint

    @property
    def waiting(self) -> bool:
        """Whether it keeps its group's incident open."""
        return self.state in WAITING

    @property
    def subject(self) -> str:
        """What failed: the refund, the order, or the message that names neither."""
        return self.refund_id or self.order_id or self.last_message_id


@dataclass(frozen=True, slots=True)
class Paging:
    """What PagerDuty was last told of a group; `version` is the group's when it was told.

    `open` is the count in that message, `at` RFC 3339; `triggered` whether the incident is open as far as we
    have told.
    """

    triggered: bool = False
    open: int = 0
    at: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures that are alike. `stake` is what its waiting failures are worth: minor units by currency.

    `open` counts the waiting ones, `total` all that ever were; `version` counts the changes of `open`.
    """

    fingerprint: Fingerprint
    title: str
    frame: str
    first_seen: str
    last_seen: str
    open: int = 0
    total: int = 0
    stake: Mapping[str, int] = field(default_factory=dict)
    version: int = 0
    paging: Paging = field(default_factory=Paging)
