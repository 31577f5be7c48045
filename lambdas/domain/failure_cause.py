"""What an execution's end tells of a failure, and no more: codes, and our own code's frame and message.

A cause may be empty (a timeout), the text of an AWS service, Lambda's JSON inside of the state machine's, or
32 KB of it. Whatever is not of ours may hold anything and is never kept (decision 26).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain import errors
from lambdas.domain.errors import PipelineError
from lambdas.domain.failure import UNKNOWN, FailureContext

if TYPE_CHECKING:
    from lambdas.domain.workflow import Execution

LONGEST_MESSAGE: Final = 300

_OURS: Final = frozenset(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, PipelineError)
)
_ATTENTION: Final = "AttentionRequired"
_STEP: Final = re.compile(r"[a-z]{1,20}( [a-z]{1,20})?")
_CLASS: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,79}")
_REASON: Final = re.compile(r"[a-z][a-z0-9_:]{0,79}")
_FRAME: Final = re.compile(r'File "(?:[^"\n]*/)?lambdas/([\w/]+\.py)", line \d+, in ([\w<>.]{1,80})')
# Frames that only pass a failure on: the one before them says where it happened.
_PASSING_ON: Final = frozenset({"adapters/dynamodb/failures.py:store_errors"})


def context_of(execution: Execution, attempts: int, claim: str, failed_at: str) -> FailureContext:
    """Read the end of the last execution of a message that was received `attempts` times."""
    error = _error_of(execution.cause)
    error_class = _matching(_CLASS, execution.error_class)
    return FailureContext(
        step=_matching(_STEP, execution.step),
        error_class=error_class,
        frame=_reason_of(error) if error_class == _ATTENTION else _own_frame(error),
        error=_own_message(error, error_class),
        attempts=attempts,
        claim=claim,
        execution=execution.arn or None,
        failed_at=failed_at,
    )


def _error_of(cause: str) -> dict[str, Any]:
    """Return the innermost JSON object: the step's report, or Lambda's error inside of the caught one."""
    found = _object(cause)
    inner = found.get("Cause")
    return (_object(inner) or found) if isinstance(inner, str) else found


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _own_frame(error: dict[str, Any]) -> str:
    """Return the innermost frame of our own code; a trace that was cut off has perhaps none."""
    trace = error.get("stackTrace")
    frames = _FRAME.findall("\n".join(map(str, trace))) if isinstance(trace, list) else []
    own = [f"{file}:{function}" for file, function in frames]
    return next((frame for frame in reversed(own) if frame not in _PASSING_ON), "")


def _own_message(error: dict[str, Any], error_class: str) -> str | None:
    message = error.get("errorMessage")
    known = error_class in _OURS and error.get("errorType") == error_class
    return message[:LONGEST_MESSAGE] if known and isinstance(message, str) else None


def _reason_of(report: dict[str, Any]) -> str:
    """Return why an order waits for a person, a code of ours: such failures have it in a frame's place."""
    event = report.get("event")
    data = event.get("data") if isinstance(event, dict) else None
    reason = data.get("reason") if isinstance(data, dict) else None
    return reason if isinstance(reason, str) and _REASON.fullmatch(reason) else ""


def _matching(form: re.Pattern[str], text: str) -> str:
    return text if form.fullmatch(text) else UNKNOWN
