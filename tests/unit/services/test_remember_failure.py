"""What dispatch leaves of a dead letter, and when: once, at the last receive, ahead of the letter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import PlanId, failure_id_for
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.dispatch_batch import Decision, Message
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.remembering import CODE, TRACE
from tests.unit.services.test_dispatch_batch import (
    BUSY,
    FAILED,
    LOST,
    MAX_RECEIVES,
    NOT_STARTED,
    TIMED_OUT,
    UNKNOWN,
    Desk,
    message_of,
)

if TYPE_CHECKING:
    from tests.fakes.pipeline import Pipeline

ATTENTION = Execution(ExecutionState.FAILED, "workflow:AttentionRequired", "{}")
DOWN = StoreUnavailable("no answer")


@pytest.fixture
def desk(pipeline: Pipeline) -> Desk:
    return Desk(pipeline)


@pytest.mark.parametrize("end", [FAILED, TIMED_OUT, UNKNOWN, NOT_STARTED, ATTENTION, LOST])
def test_a_context_is_kept_at_the_last_receive_alone(desk: Desk, end: Execution) -> None:
    order_id = desk.accept(end)
    kept = desk.remembered.contexts.contexts
    for receives in range(1, MAX_RECEIVES):
        desk.receive(order_id, receives)
        desk.pipeline.clock.advance(1_200)
        assert not kept
    assert desk.receive(order_id, MAX_RECEIVES).decision is Decision.DEAD
    ((key, context),) = kept.items()
    assert key == (failure_id_for(order_id), message_of(order_id, 1).message_id)
    assert context.title == f"{end.step}:{end.error_class}"
    assert (context.attempts, context.trace_id, context.code_version) == (MAX_RECEIVES, TRACE, CODE)
    assert context.claim == desk.workflow.runs[-1].name


def test_it_is_kept_before_the_message_can_reach_the_dead_letter_queue(desk: Desk) -> None:
    order_id = desk.accept(FAILED)
    seen: list[int] = []
    desk.pipeline.queue.faults.before = lambda _name: seen.append(len(desk.remembered.contexts.contexts))
    desk.receive(order_id, MAX_RECEIVES)
    assert seen == [1]


def test_a_message_that_lives_on_leaves_nothing(desk: Desk) -> None:
    for end in (BUSY, Execution(ExecutionState.FAILED, "fulfil:WarehouseUnavailable")):
        assert desk.receive(desk.accept(end, key=end.error), MAX_RECEIVES).decision is not Decision.DEAD
    assert not desk.remembered.contexts.contexts


@pytest.mark.parametrize("end", [BUSY, Execution(ExecutionState.FAILED, "fulfil:WarehouseUnavailable")])
def test_one_that_could_not_be_sent_again_dies_and_is_remembered(desk: Desk, end: Execution) -> None:
    order_id = desk.accept(end)
    desk.pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("no")))
    assert desk.receive(order_id, MAX_RECEIVES).keep
    (context,) = desk.remembered.contexts.contexts.values()
    assert context.error_class == end.error_class


@pytest.mark.parametrize(
    "fault", [nothing_happened(DOWN), answer_lost(DOWN), nothing_happened(KeyError("x"))]
)
def test_a_store_that_does_not_answer_changes_nothing(desk: Desk, fault: object) -> None:
    order_id = desk.accept(FAILED)
    desk.remembered.contexts.faults.plan("keep", fault)  # type: ignore[arg-type] # a Fault
    assert desk.receive(order_id, MAX_RECEIVES).decision is Decision.DEAD
    assert desk.pipeline.queue.delays[f"r-{order_id}"] == 0
    assert desk.pipeline.head(order_id).reason == FAILED.error
    ((command, _),) = desk.remembered.told
    assert command["order_id"] == order_id


def test_a_fault_of_dispatch_itself_is_remembered_too(desk: Desk) -> None:
    order_id = desk.accept(FAILED)
    desk.pipeline.orders.faults.plan("give_back", nothing_happened(RuntimeError("secret")))
    result = desk.receive(order_id, MAX_RECEIVES)
    assert result.fault
    (context,) = desk.remembered.contexts.contexts.values()
    assert (context.title, context.error) == ("dispatch:RuntimeError", None)


def replayed(desk: Desk, end: Execution | None = None) -> str:
    """An order whose message an operator sent again."""
    order_id = desk.accept(end) if end else desk.accept()
    body = {"command": "process", "order_id": order_id, "replay": "plan_a"}
    (result,) = desk.dispatch([Message("m-2", "r-2", json.dumps(body), MAX_RECEIVES)])
    assert result.decision is (Decision.DEAD if end else Decision.DONE)
    return order_id


def test_a_replay_that_comes_through_leaves_its_mark(desk: Desk) -> None:
    order_id = replayed(desk)
    assert desk.remembered.contexts.marks == {
        (failure_id_for(order_id), PlanId("plan_a")): desk.pipeline.clock.text  # type: ignore[arg-type] # an OrderId
    }


def test_a_replay_that_fails_again_and_a_first_message_leave_none(desk: Desk) -> None:
    replayed(desk, FAILED)
    desk.receive(desk.accept(key="other"))
    assert not desk.remembered.contexts.marks


def test_a_mark_that_is_not_kept_changes_nothing(desk: Desk) -> None:
    desk.remembered.contexts.faults.plan("came_through", nothing_happened(DOWN))
    replayed(desk)
    assert len(desk.remembered.told) == 1
