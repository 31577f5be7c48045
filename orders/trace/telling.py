"""Groups an order's log lines into its story.

The names of the fields are those that `lambdas.step_log` and the handlers of ingest and dispatch write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambdas.step_log import CUT_OFF, FAILED, SUCCEEDED
from orders.trace.story import Attempt, Execution, Note, Receive, Request, Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ATTEMPTS: Final = frozenset({SUCCEEDED, FAILED, CUT_OFF})


@dataclass(frozen=True, slots=True)
class LogLine:
    """A structured line; `at` is when it was written."""

    at: datetime
    service: str
    fields: Mapping[str, Any]


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
