"""When a failed state is tried again, and what a wildcard catches.

AWS ("Handling errors in Step Functions workflows"): a delay is at most `MaxDelaySeconds`; with
`JitterStrategy: FULL` it is anything between nothing and the delay; `States.ALL` and
`States.TaskFailed` do not match `States.Runtime` and `States.DataLimitExceeded`, and
`States.Runtime` is never retried nor caught.

Engine: ignores both fields, and the wildcards match everything. (It also cuts every delay at 60
seconds; that is not mended, for a workflow of at most 180 seconds.)

Mend: the retrier that the engine asks about has the delay worked out.
"""

from __future__ import annotations

import secrets
from typing import Any

from ministack.services import stepfunctions

from orders.local.engine.shims.express_workflow import time_is_up

_NOT_BY_WILDCARD = {"States.Runtime", "States.DataLimitExceeded"}
_original_retrier = stepfunctions._find_matching_retrier
_original_matches = stepfunctions._error_matches
_random = secrets.SystemRandom()


def apply() -> None:
    """Replace the engine's two rules."""
    stepfunctions._find_matching_retrier = _find_matching_retrier
    stepfunctions._error_matches = _error_matches


def _error_matches(names: list[str], error: str) -> bool:
    if error == "States.Runtime":
        return False
    if error in _NOT_BY_WILDCARD:
        return error in names
    return bool(_original_matches(names, error))


def _find_matching_retrier(
    retriers: list[dict[str, Any]], error: str, counts: dict[int, int]
) -> tuple[dict[str, Any] | None, int]:
    up = time_is_up.get()
    if up is not None and up.is_set():
        return None, -1
    retrier, index = _original_retrier(retriers, error, counts)
    if retrier is None:
        return None, -1
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    if retrier.get("JitterStrategy") == "FULL":
        delay = _random.uniform(0, delay)
    return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1.0}, index
