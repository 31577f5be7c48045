"""What happened to an order, as a table: requests, executions with their attempts, other lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from orders.trace.layout import BAD, DIM, WARN, after_acceptance, count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from orders.trace.model import Log, Trace
    from orders.trace.story import Attempt, Execution, Receive, Request, Story

    # When, what, what came of it, and how long it took.
    Row = tuple[datetime, Text, Text, int | None]

# More of each than that, and the first and the last ones are shown.
REQUESTS_SHOWN: Final = 3
EXECUTIONS_SHOWN: Final = 4
ATTEMPTS_SHOWN: Final = 10
NOTES_SHOWN: Final = 5
# Any order's: a story is about one.
_OWN_CLAIM: Final = re.compile(r"ord_[a-z2-7]{26}-(?=[0-9a-f]{12})")
_OWN_ID: Final = re.compile(r"ord_[a-z2-7]{26}")
_DECISIONS: Final = {
    "done": "done",
    "later": "comes again",
    "resent": "sent again as a new message",
    "dead": "dead letter",
}


def happened(trace: Trace, log: Log) -> Table:
    """Return the table, in the order of time."""
    table = Table(box=None, pad_edge=False)
    table.add_column("AFTER", justify="right", no_wrap=True)
    table.add_column("WHAT HAPPENED", no_wrap=True)
    table.add_column("OUTCOME", overflow="fold")
    table.add_column("MS", justify="right", no_wrap=True)
    for at, what, outcome, duration in _rows(log.story):
        after = after_acceptance(trace, at)
        table.add_row(after, what, outcome, "" if duration is None else f"{duration:,}")
    for remark in log.remarks:
        table.add_row("", Text("log"), Text(remark, WARN), "")
    return table


def _rows(story: Story) -> Iterator[Row]:
    blocks = [[row] for row in _requests(story.requests)]
    numbers = {message.message_id: message.number for message in story.messages}
    blocks += _shortened([list(_execution(e, numbers)) for e in story.executions], EXECUTIONS_SHOWN)
    blocks += [
        [(note.at, Text(note.service), Text(note.message, _note_style(note.level)), None)]
        for note in story.notes[-NOTES_SHOWN:]
    ]
    for block in sorted(blocks, key=lambda rows: rows[0][0]):
        yield from block


def _shortened(blocks: list[list[Row]], shown: int) -> list[list[Row]]:
    """Keep the first and the last executions, and say how many are left out between them."""
    if len(blocks) <= shown:
        return blocks
    left_out = blocks[1 : 1 - shown]
    gap = Text(f"{len(left_out)} executions more: --json has all", WARN)
    return [blocks[0], [(left_out[0][0][0], Text("..."), gap, None)], *blocks[1 - shown :]]


def _requests(requests: Sequence[Request]) -> Iterator[Row]:
    """Show what changed something one by one, and what only read in one line."""
    changing = [request for request in requests if not request.reads]
    for request in changing[:REQUESTS_SHOWN]:
        answer = f"{request.status}, a repeat" if request.replayed else str(request.status)
        style = BAD if request.status >= 500 else WARN if request.status >= 400 else ""  # noqa: PLR2004 - HTTP
        yield request.at, Text(request.route), Text(answer, style), request.duration_ms
    if rest := changing[REQUESTS_SHOWN:]:
        statuses = ", ".join(sorted({str(request.status) for request in rest}))
        yield rest[0].at, Text(f"{len(rest)} requests more"), Text(statuses), None
    if reads := [request for request in requests if request.reads]:
        yield reads[0].at, Text("GET"), Text(f"read {count(len(reads), 'time')}", DIM), None


def _execution(execution: Execution, numbers: Mapping[str, int]) -> Iterator[Row]:
    receive = execution.receive
    if receive is None:
        yield execution.began_at, Text("execution"), Text("its end is not logged (yet)", WARN), None
    else:
        command = "" if receive.command in {None, "process"} else f"{receive.command}, "
        what = f"{command}message {numbers[receive.message_id]}, receive {receive.receives}"
        yield execution.began_at, Text(what), _fate(receive), receive.duration_ms
    attempts = execution.attempts
    for attempt in attempts[:ATTEMPTS_SHOWN]:
        yield attempt.began_at, Text(f"  {attempt.step}"), _outcome(attempt), attempt.duration_ms
    if rest := attempts[ATTEMPTS_SHOWN:]:
        yield rest[0].began_at, Text("  ..."), Text(f"{len(rest)} attempts more: --json has all"), None


def _fate(receive: Receive) -> Text:
    decision = _DECISIONS.get(receive.decision, receive.decision)
    if not receive.failed:
        return Text(decision)
    failure = ":".join(part for part in (receive.step, receive.error_class) if part)
    return _failure(failure, receive.error, decision)


def _outcome(attempt: Attempt) -> Text:
    if attempt.cut_off:
        return Text("ran out of the function's time", BAD)
    if attempt.failed:
        return _failure(attempt.error_class, attempt.error)
    return Text(f"{attempt.outcome}, {attempt.reason}" if attempt.reason else str(attempt.outcome))


def _failure(*parts: str | None) -> Text:
    """Join what is known of a failure, without the ids that are the order's own and 30 characters long."""
    return Text(_OWN_ID.sub("the order", _OWN_CLAIM.sub("", ": ".join(p for p in parts if p))), BAD)


def _note_style(level: str) -> str:
    return {"ERROR": BAD, "CRITICAL": BAD, "WARNING": WARN}.get(level, "")
