"""Groups an order's log lines into what happened: requests, executions with their attempts, and the rest.

The names of the fields are those that `lambdas.step_log` and the handlers of ingest and dispatch write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambdas.step_log import CUT_OFF, FAILED, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ATTEMPTS: Final = frozenset({SUCCEEDED, FAILED, CUT_OFF})


@dataclass(frozen=True, slots=True)
class LogLine:
    """A structured line; `at` is when it was written."""

    at: datetime
    service: str
    fields: Mapping[str, Any]


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


def tell(lines: Iterable[LogLine]) -> Story:
    """Put the lines about one order together, in whatever order they come."""
    requests: list[Request] = []
    receives: dict[str, Receive] = {}
    attempts: dict[tuple[str, str], Attempt] = {}
    notes: list[Note] = []
    for line in sorted(lines, key=lambda one: one.at):
        fields = line.fields
        if fields.get("message") in _ATTEMPTS and "claim" in fields:
            attempt = _attempt(line)
            key = (attempt.claim, attempt.request_id or f"{attempt.step} {line.at}")
            # The same invocation may have said that its time was ending, and then have come to its end.
            if not attempt.cut_off or key not in attempts:
                attempts[key] = attempt
        elif "message_id" in fields and "claim" in fields:
            receives[fields["claim"]] = _receive(line)
        elif "route" in fields and "status" in fields:
            requests.append(_request(line))
        else:
            notes.append(_note(line))
    return Story(tuple(requests), _executions(receives, attempts.values()), tuple(notes))


def _executions(receives: Mapping[str, Receive], attempts: Iterable[Attempt]) -> tuple[Execution, ...]:
    by_claim: dict[str, list[Attempt]] = {claim: [] for claim in receives}
    for attempt in sorted(attempts, key=lambda one: one.began_at):
        by_claim.setdefault(attempt.claim, []).append(attempt)
    found = [Execution(claim, receives.get(claim), tuple(group)) for claim, group in by_claim.items()]
    return tuple(sorted(found, key=lambda one: one.began_at))


def _attempt(line: LogLine) -> Attempt:
    fields = line.fields
    return Attempt(
        step=str(fields.get("step", line.service)),
        claim=fields["claim"],
        began_at=_began_at(line),
        duration_ms=fields.get("duration_ms", 0),
        outcome=fields.get("outcome"),
        reason=fields.get("reason"),
        error_class=fields.get("error_class"),
        error=fields.get("error"),
        cut_off=fields["message"] == CUT_OFF,
        refund_id=fields.get("refund_id"),
        request_id=fields.get("function_request_id"),
    )


def _receive(line: LogLine) -> Receive:
    fields = line.fields
    return Receive(
        message_id=fields["message_id"],
        receives=fields.get("receives", 1),
        decision=str(fields.get("decision", "")),
        began_at=_began_at(line),
        duration_ms=fields.get("duration_ms", 0),
        command=fields.get("command"),
        refund_id=fields.get("refund_id"),
        state=fields.get("execution"),
        step=fields.get("step"),
        error_class=fields.get("error_class"),
        error=fields.get("error"),
        sent_at=_time(fields.get("sent_at")),
    )


def _request(line: LogLine) -> Request:
    fields = line.fields
    duration = fields.get("duration_ms", 0)
    return Request(
        at=line.at - timedelta(milliseconds=duration),
        route=fields["route"],
        status=fields["status"],
        duration_ms=duration,
        replayed=bool(fields.get("replayed")),
        request_id=fields.get("http_request_id"),
    )


def _note(line: LogLine) -> Note:
    fields = line.fields
    message = str(fields.get("message", ""))
    failures = (fields.get(name) for name in ("exception_name", "error_class", "fault"))
    if failure := next(filter(None, failures), None):
        message = f"{message}: {failure}"
    return Note(line.at, line.service, str(fields.get("level", "INFO")), message)


def _began_at(line: LogLine) -> datetime:
    return _time(line.fields.get("began_at")) or line.at


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
