"""The operators' history in the table, and in the fake, which has to keep the same rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.adapters.dynamodb.operations import DynamoHistory
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.identifiers import PlanId, operation_id_for
from lambdas.domain.operation import Operation, OperationKind
from tests.adapters.inserting import InsertingClient
from tests.adapters.recording import RecordingClient, client_error
from tests.adapters.tables import FAILURES, OPERATIONS
from tests.fakes.failures_made import a_failure
from tests.fakes.history import InMemoryHistory

if TYPE_CHECKING:
    from lambdas.domain.operation import History

AT = "2026-11-20T11:00:00.000Z"
LATER = "2026-11-20T11:00:09.000Z"
FAILURE = a_failure()
REPLAY = Operation(
    operation_id=operation_id_for("replay", FAILURE.failure_id),
    subject=FAILURE.failure_id,
    kind=OperationKind.REPLAY,
    began_at=AT,
    at=AT,
    actor="arn:aws:sts::111122223333:assumed-role/operator/ada",
    reason_code="fixed",
    order_id=FAILURE.order_id,
    plan_id=PlanId("plan_a"),
    incident="INC-1",
)
RESULT = replace(
    REPLAY, operation_id=operation_id_for("result", FAILURE.failure_id), at=LATER, result="completed"
)


@pytest.fixture(params=["table", "fake"])
def history(request: pytest.FixtureRequest) -> History:
    if request.param == "fake":
        return InMemoryHistory()
    return DynamoHistory(InsertingClient(request.getfixturevalue("dynamodb")), OPERATIONS, FAILURES)


def test_an_entry_is_read_as_it_was_written(history: History) -> None:
    assert history.find(REPLAY) is None
    assert history.record(REPLAY)
    assert history.find(REPLAY) == REPLAY
    assert list(history.of(FAILURE.failure_id)) == [REPLAY]
    assert list(history.of("plan_a")) == []


def test_an_entry_is_written_once_and_the_first_one_stays(history: History) -> None:
    assert history.record(REPLAY)
    assert not history.record(replace(REPLAY, actor="somebody else", at=LATER))
    assert list(history.of(FAILURE.failure_id)) == [REPLAY]


def test_a_deed_and_its_result_lie_under_the_time_at_which_it_began(history: History) -> None:
    assert history.record(RESULT)
    assert history.record(REPLAY)
    assert list(history.of(FAILURE.failure_id)) == [REPLAY, RESULT]
    assert {o.operation_id for o in history.of_day("2026-11-20")} == {
        REPLAY.operation_id,
        RESULT.operation_id,
    }
    assert list(history.of_day("2026-11-21")) == []


def test_an_operators_words_are_kept_apart(history: History) -> None:
    history.record(REPLAY)
    history.keep_note(REPLAY, "Ada called the customer")
    assert history.notes([REPLAY, RESULT]) == {REPLAY.operation_id: "Ada called the customer"}
    assert history.notes([RESULT]) == {}
    assert list(history.of(FAILURE.failure_id)) == [REPLAY]


def test_the_table_hears_of_insertions_alone() -> None:
    sent = client_error("ExecuteStatement", "DuplicateItemException")
    client = RecordingClient(None, before=lambda _name, _number: sent)
    assert not DynamoHistory(client, OPERATIONS, FAILURES).record(REPLAY)
    ((operation, parameters),) = client.calls
    assert operation == "execute_statement"
    assert parameters["Statement"].startswith('INSERT INTO "operations" VALUE {')


def test_a_table_that_does_not_answer_is_said_so() -> None:
    throttled = client_error("ExecuteStatement", "ThrottlingException")
    client = RecordingClient(None, before=lambda _name, _number: throttled)
    with pytest.raises(StoreUnavailable, match="ThrottlingException"):
        DynamoHistory(client, OPERATIONS, FAILURES).record(REPLAY)
