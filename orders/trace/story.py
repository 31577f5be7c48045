"""What happened to an order, as its log lines tell it: requests, executions with their attempts, the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API about the order."""

    at: datetime
    route: str
    status: int
    duration_ms: int
    replayed: bool = False
    request_id: str | None = None

    @property
    def reads(self) -> bool:
        """Whether it changed nothing."""
        return self.route.startswith("GET ")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step: it has an `outcome`, or failed with an `error_class`, or was `cut_off` by Lambda."""

    step: str
    claim: str
    began_at: datetime
    duration_ms: int
    outcome: str | None = None
    reason: str | None = None
    error_class: str | None = None
    error: str | None = None
    cut_off: bool = False
    refund_id: str | None = None
    request_id: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a technical failure ended it; a refusal by the customer's bank is none."""
        return self.outcome is None


@dataclass(frozen=True, slots=True)
class Receive:
    """One receive of a message by dispatch: what became of it (`decision`) and of its execution (`state`).

    `receives` counts how often this message had been received by then. `step` and `error_class` say where a
    failed execution failed.
    """

    message_id: str
    receives: int
    decision: str
    began_at: datetime
    duration_ms: int
    command: str | None = None
    refund_id: str | None = None
    state: str | None = None
    step: str | None = None
    error_class: str | None = None
    error: str | None = None
    sent_at: datetime | None = None

    @property
    def failed(self) -> bool:
        """Whether the message was not done with."""
        return self.decision != "done"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of the workflow; `name` is also its claim on the order.

    Without a `receive` it is under way, or its end is not logged yet.
    """

    name: str
    receive: Receive | None
    attempts: tuple[Attempt, ...]

    @property
    def began_at(self) -> datetime:
        """When it began."""
        times = [attempt.began_at for attempt in self.attempts]
        return min([*times, self.receive.began_at] if self.receive else times)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the orders queue that reached dispatch, numbered from 1.

    It `repeats` an earlier one when it asks for the same: sent again by a client's retry, by dispatch for an
    order that was busy, by the watchdog, or by an operator's replay.
    """

    number: int
    message_id: str
    command: str | None
    receives: int
    sent_at: datetime | None = None
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Any other line about the order."""

    at: datetime
    service: str
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to the order, each list in the order of time."""

    requests: tuple[Request, ...] = ()
    executions: tuple[Execution, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def receives(self) -> tuple[Receive, ...]:
        """Every receive of a message."""
        return tuple(e.receive for e in self.executions if e.receive)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages in the order in which they first came."""
        received: dict[str, list[Receive]] = {}
        for receive in self.receives:
            received.setdefault(receive.message_id, []).append(receive)
        asked: set[tuple[str | None, str | None]] = set()
        messages: list[Message] = []
        for number, (message_id, receives) in enumerate(received.items(), 1):
            first = receives[0]
            asks = (first.command, first.refund_id)
            repeats = asks in asked
            asked.add(asks)
            messages.append(Message(number, message_id, first.command, len(receives), first.sent_at, repeats))
        return tuple(messages)

    @property
    def forgotten(self) -> int:
        """Count the executions that ended and have no attempt: the steps' lines are older than their logs."""
        ended = {"SUCCEEDED", "FAILED", "TIMED_OUT"}
        return sum(bool(e.receive and e.receive.state in ended and not e.attempts) for e in self.executions)

    @property
    def failed_attempts(self) -> tuple[Attempt, ...]:
        """The attempts that a technical failure ended."""
        return tuple(a for e in self.executions for a in e.attempts if a.failed)

    @property
    def failed_executions(self) -> tuple[Receive, ...]:
        """The receives whose message was not done with."""
        return tuple(receive for receive in self.receives if receive.failed)
