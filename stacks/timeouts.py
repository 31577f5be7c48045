"""How the timeouts nest, in one place.

    provider HTTP 8 s < function 10 s < Task 12 s;  all paths < workflow 180 s
    < dispatch's client read 190 s < dispatch 200 s;  6 x 200 s <= visibility 1,200 s
    PagerDuty's HTTP 8 s < what alert keeps for it 15 s < alert 50 s < its schedule 60 s
    < replay 60 s;  6 x 60 s <= visibility of dead letters 360 s

A caller that gives up before the called starts the work a second time, so every outer limit is
longer than the inner one. The Tasks' limits and the workflow's own stand in the ASL
(statemachines/process_order.asl.json); `tests/stacks/test_timeouts.py` does the sums.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from lambdas.domain.workflow import READ_SECONDS
from lambdas.services.dispatch_batch import PACING_SECONDS as BATCH_PACING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

FunctionName = Literal[
    "ingest", "dispatch", "validate", "payment", "fulfil", "watchdog", "replay", "alert", "seal"
]

FUNCTION_SECONDS: Final[Mapping[FunctionName, int]] = MappingProxyType(
    {
        "ingest": 10,
        "dispatch": 200,
        "validate": 5,
        "payment": 10,
        "fulfil": 10,
        "watchdog": 50,
        "replay": 60,
        "alert": 50,
        "seal": 120,
    }
)
WORKFLOW_FUNCTIONS: Final[tuple[FunctionName, ...]] = ("validate", "payment", "fulfil")

WORKFLOW_SECONDS: Final = 180
CLIENT_READ_SECONDS: Final = READ_SECONDS
CLOCK_SKEW_SECONDS: Final = 30
# How far an index of DynamoDB may be behind its table: usually far below a second, and nobody promises it.
INDEX_LAG_SECONDS: Final = 60

# The last execution of a batch starts at most 5 s after the first, so 5 + 190 s (its client read)
# still ends inside dispatch's 200 s.
PACING_SECONDS: Final = BATCH_PACING_SECONDS

# AWS asks for at least six times the function's timeout, so that throttled batches do not come
# back early: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_SECONDS: Final = 6 * FUNCTION_SECONDS["dispatch"]
# A dead letter that has to stay is tried again so often, for as long as the queue keeps it.
DEAD_LETTER_VISIBILITY_SECONDS: Final = 6 * FUNCTION_SECONDS["replay"]

QUEUE_RETENTION_DAYS: Final = 4
DEAD_LETTER_RETENTION_DAYS: Final = 14
MAX_RECEIVES: Final = 4  # the first and three retries


def least_grace_seconds() -> int:
    """How long after its time an entry may still appear to whoever reads the ledger by period, in seconds.

    Its time is taken by a function that may run on until its timeout, on a clock that may be behind.
    """
    return FUNCTION_SECONDS["payment"] + CLOCK_SKEW_SECONDS + INDEX_LAG_SECONDS


def claim_seconds() -> int:
    """How long a step's claim on an order holds, in seconds, rounded up to a whole minute.

    A claim must outlive whatever could still write under it: an execution lasts at most the
    workflow's timeout, the function that it started last may run on for that function's timeout,
    and another function's clock may be ahead by the tolerated skew.
    """
    longest = max(FUNCTION_SECONDS[name] for name in WORKFLOW_FUNCTIONS)
    seconds = WORKFLOW_SECONDS + longest + CLOCK_SKEW_SECONDS
    return -(-seconds // 60) * 60
