"""What operators do, as it is kept for good: who did what to which order, why, when, and what came of it.

Ids and codes only. What an operator adds in words may name a person, and is kept where it can be erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lambdas.domain.identifiers import OperationId, OrderId, PlanId

REASONS: Final = (
    "fixed",
    "transient",
    "provider_recovered",
    "warehouse_recovered",
    "data_corrected",
    "customer_request",
    "duplicate",
    "other",
)


class OperationKind(StrEnum):
    """What was done; `sent` is the message of a replay."""

    APPLY = "apply"
    REPLAY = "replay"
    SENT = "sent"
    QUARANTINE = "quarantine"
    DISCARD = "discard"
    RESTORE = "restore"
    HOLD = "hold"
    END_HOLD = "end_hold"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the history; `subject` is the id of a failure, an order or a plan.

    A deed with consequences has two entries: one before its effect and, with `result`, one after it. Both
    have `began_at`, by which they are found again; `at` is when this entry was made (both RFC 3339).
    """

    operation_id: OperationId
    subject: str
    kind: OperationKind
    began_at: str
    at: str
    actor: str
    reason_code: str
    order_id: OrderId | None = None
    plan_id: PlanId | None = None
    incident: str | None = None
    message_id: str | None = None
    result: str | None = None


def in_time(operations: Iterable[Operation]) -> list[Operation]:
    """Put entries into the order in which they were made; in one millisecond a deed, its message, its end."""
    kinds = list(OperationKind)
    return sorted(operations, key=lambda o: (o.at, o.began_at, o.result is not None, kinds.index(o.kind)))


class History(Protocol):
    """Keeps operations for good; every method raises StoreUnavailable."""

    def record(self, operation: Operation) -> bool:
        """Write an entry once; False when it was written before."""
        ...

    def find(self, operation: Operation) -> Operation | None:
        """Return the entry that lies under this one's key."""
        ...

    def of(self, subject: str) -> Sequence[Operation]:
        """Return all entries of a failure, an order or a plan, the oldest first."""
        ...

    def of_day(self, day: str) -> Iterator[Operation]:
        """Yield the entries of deeds that began on a day (`YYYY-MM-DD`, UTC), the oldest first."""
        ...

    def keep_note(self, operation: Operation, text: str) -> None:
        """Keep an operator's words beside an entry, where they can be erased."""
        ...

    def notes(self, operations: Sequence[Operation]) -> Mapping[OperationId, str]:
        """Return the words that there are to these entries."""
        ...
