"""What is kept of a cause, and what never is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.failure import UNKNOWN
from lambdas.domain.failure_cause import LONGEST_MESSAGE, context_of
from lambdas.domain.workflow import Execution, ExecutionState

AT = "2026-11-20T10:05:00.000Z"
STACK = [
    f'  File "/var/task/{file}", line {line}, in {function}\n    some(code)\n'
    for file, line, function in (
        ("lambdas/step_log.py", 55, "handle"),
        ("lambdas/payment/handler.py", 87, "handle"),
        ("lambdas/services/capture_payment.py", 41, "__call__"),
        ("botocore/client.py", 565, "_api_call"),
    )
]


def failed(
    error: str = "capture:LedgerConflict",
    *,
    kind: str = "LedgerConflict",
    message: str = "another entry is booked",
    stack: Any = STACK,
) -> Execution:
    """An execution whose Task failed in a function."""
    inner = json.dumps({"errorMessage": message, "errorType": kind, "requestId": "r", "stackTrace": stack})
    cause = json.dumps({"Error": kind, "Cause": inner})
    return Execution(ExecutionState.FAILED, error, cause, arn="arn:aws:states:x")


def test_a_failure_of_ours_is_known_by_step_class_own_frame_and_message() -> None:
    context = context_of(failed(), 4, "ord_a-1", AT)
    assert (context.step, context.error_class) == ("capture", "LedgerConflict")
    assert context.frame == "services/capture_payment.py:__call__"
    assert context.error == "another entry is booked"
    assert (context.attempts, context.claim, context.execution) == (4, "ord_a-1", "arn:aws:states:x")
    assert context.failed_at == AT


def test_a_line_number_and_a_folder_do_not_change_the_fingerprint() -> None:
    elsewhere = [line.replace("/var/task/", "/home/x/").replace("line 4", "line 9") for line in STACK]
    one, other = context_of(failed(), 4, "a", AT), context_of(failed(stack=elsewhere), 1, "b", "")
    assert one.fingerprint == other.fingerprint


def test_what_only_passes_a_failure_on_is_not_where_it_happened() -> None:
    passing = (
        '  File "/var/task/lambdas/adapters/dynamodb/failures.py", line 50, in store_errors\n    raise\n'
    )
    context = context_of(failed(stack=[*STACK, passing]), 4, "a", AT)
    assert context.frame == "services/capture_payment.py:__call__"


def test_a_foreign_message_is_never_kept() -> None:
    secret = "card 4242424242424242 of Ann"
    for execution in (
        failed("capture:ValueError", kind="ValueError", message=secret),
        failed("capture:StoreUnavailable", kind="ValueError", message=secret),
        Execution(ExecutionState.FAILED, "publish:EventBridge.SomeException", secret),
        Execution(ExecutionState.FAILED, "publish:StoreUnavailable", secret),
        Execution(ExecutionState.FAILED, secret, secret),
    ):
        assert "4242" not in repr(context_of(execution, 4, "a", AT))


def test_an_order_that_waits_for_a_person_is_grouped_by_why() -> None:
    report = {"outcome": "attention_required", "event": {"data": {"reason": "captured_before_shipment"}}}
    execution = Execution(ExecutionState.FAILED, "workflow:AttentionRequired", json.dumps(report))
    context = context_of(execution, 1, "a", AT)
    assert (context.title, context.frame) == ("workflow:AttentionRequired", "captured_before_shipment")
    report["event"] = {"data": {"reason": "Ann, 4 Elm Street; 020 7946"}}
    execution = Execution(ExecutionState.FAILED, "workflow:AttentionRequired", json.dumps(report))
    assert context_of(execution, 1, "a", AT).frame == ""


@pytest.mark.parametrize("cause", ["", "null", "[]", "{", "no json", '"text"', '{"Cause": 7}', "[" * 100_000])
def test_a_cause_that_says_nothing_leaves_what_the_error_says(cause: str) -> None:
    context = context_of(Execution(ExecutionState.FAILED, "fulfil:States.Timeout", cause), 4, "a", AT)
    assert (context.step, context.error_class) == ("fulfil", "States.Timeout")
    assert (context.frame, context.error) == ("", None)


def test_an_end_without_any_error_is_named_by_its_state() -> None:
    context = context_of(Execution(ExecutionState.TIMED_OUT), 4, "a", AT)
    assert (context.step, context.error_class, context.execution) == ("workflow", "TIMED_OUT", None)


def test_a_message_is_cut_and_a_cut_cause_is_survived() -> None:
    context = context_of(failed(message="x" * 40_000), 4, "a", AT)
    assert context.error == "x" * LONGEST_MESSAGE
    whole = failed()
    cut = Execution(whole.state, whole.error, whole.cause[: len(whole.cause) // 2])
    assert context_of(cut, 4, "a", AT).title == "capture:LedgerConflict"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Cause", "Error", "errorMessage", "errorType", "stackTrace", "event", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=60), st.text(max_size=200) | json_values.map(json.dumps))
def test_nothing_that_an_execution_can_end_with_breaks_it(error: str, cause: str) -> None:
    context = context_of(Execution(ExecutionState.FAILED, error, cause), 4, "a", AT)
    assert context.step
    assert context.error_class
    assert len(context.step) <= 80
    assert context.error_class == UNKNOWN or context.error_class in error or context.error_class == "FAILED"
