"""Closes a month of a deployment: the sealer does it, because nobody else may write to the log."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from orders.ledger.sealed import open_sealed

if TYPE_CHECKING:
    from orders.deployment import Deployment

# The sealer runs one at a time; a run of the schedule may be under way.
_TRIES: Final = 40
_PAUSE_SECONDS: Final = 3


class CloseRefused(Exception):
    """The month cannot be closed; the message says why, and when it can."""


def close_period(deployment: Deployment, month: str) -> str:
    """Close a month, as `2026-10`, and return the JSON of its record, whose signature is verified.

    Raises:
        CloseRefused: it has not ended for long enough, or the sealer failed.
    """
    function = deployment.client("lambda")
    event = json.dumps({"close": month, "actor": deployment.identity.name})
    for _ in range(_TRIES):
        try:
            answer = function.invoke(FunctionName=deployment.output("SealFunctionName"), Payload=event)
            break
        except function.exceptions.TooManyRequestsException:
            time.sleep(_PAUSE_SECONDS)
    else:
        raise CloseRefused("the sealer is busy: try again in a few minutes")
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CloseRefused(f"the sealer failed: {said.get('errorMessage', 'see its log')}")
    if "refused" in said:
        raise CloseRefused(said["refused"])
    return open_sealed(deployment).closed_record(month)
