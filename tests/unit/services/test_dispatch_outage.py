"""What dispatch does with messages while a service outside is down."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lambdas.domain.breaker import FAILURES_TO_OPEN
from lambdas.domain.commands import parked_before
from lambdas.domain.errors import QueueUnavailable
from lambdas.domain.order import Status
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.dispatch_batch import (
    LONGEST_PARK_PROBES,
    MAX_PARKS,
    Decision,
    Message,
)
from lambdas.services.outage_guard import Change
from tests.fakes.breaker import PROBE_SECONDS
from tests.fakes.faults import nothing_happened
from tests.fakes.in_turn import InTurn
from tests.unit.services.test_dispatch_batch import MAX_RECEIVES, Desk, desk, message_of

__all__ = ["desk"]
FIRST_PARK_SECONDS = PROBE_SECONDS / 2
LONGEST_PARK_SECONDS = LONGEST_PARK_PROBES * PROBE_SECONDS
DOWN = Execution(ExecutionState.FAILED, "capture:ProviderUnavailable")


@pytest.fixture
def dark(desk: Desk) -> Desk:
    """A dispatcher whose breaker has just opened; its queue is empty again."""
    ids = [desk.accept(DOWN, key=f"down-{n}") for n in range(FAILURES_TO_OPEN)]
    results = desk.dispatch([message_of(order_id) for order_id in ids])
    assert [r.breaker for r in results].count(Change.OPENED) == 1
    desk.pipeline.queue.delays.clear()
    return desk


def parked_message(order_id: str, parked: int, receives: int = 1) -> Message:
    body = json.dumps({"command": "process", "order_id": order_id, "parked": parked})
    return Message("m", "r", body, receives, "group-1")


def test_messages_are_parked_without_a_receive_and_without_an_execution(dark: Desk) -> None:
    order_id = dark.accept()
    runs = len(dark.workflow.runs)
    result = dark.receive(order_id, receives=3)
    assert (result.decision, result.keep, result.execution) == (Decision.PARKED, False, None)
    assert len(dark.workflow.runs) == runs
    (sent,) = dark.pipeline.queue.sent
    assert (parked_before(sent.body), sent.group) == (1, "group-1")
    assert FIRST_PARK_SECONDS / 2 - 1 <= sent.delay_seconds <= FIRST_PARK_SECONDS
    assert not dark.pipeline.queue.delays


def test_the_delay_grows_up_to_its_limit(dark: Desk) -> None:
    order_id = dark.accept()
    for parked in (3, 50, MAX_PARKS - 1):
        dark.dispatch([parked_message(order_id, parked)])
    assert [parked_before(sent.body) for sent in dark.pipeline.queue.sent] == [4, 51, MAX_PARKS]
    early, *late = (sent.delay_seconds for sent in dark.pipeline.queue.sent)
    assert 4 * FIRST_PARK_SECONDS <= early <= 8 * FIRST_PARK_SECONDS
    assert all(LONGEST_PARK_SECONDS / 2 <= delay <= LONGEST_PARK_SECONDS for delay in late)


def test_after_a_day_of_it_an_order_is_let_fail(dark: Desk) -> None:
    order_id = dark.accept(DOWN)
    (result,) = dark.dispatch([parked_message(order_id, MAX_PARKS, MAX_RECEIVES)])
    assert result.decision is Decision.DEAD
    assert dark.pipeline.head(order_id).status is Status.ATTENTION_REQUIRED


def test_a_queue_that_takes_no_message_keeps_the_one_it_has(dark: Desk) -> None:
    order_id = dark.accept()
    dark.pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    assert dark.receive(order_id).decision is Decision.LATER
    assert dark.pipeline.queue.delays


def test_what_is_no_command_is_told_also_then(dark: Desk) -> None:
    (result,) = dark.dispatch([Message("m", "r", "[]", 1)])
    assert result.decision is Decision.UNREADABLE


def test_one_order_of_a_batch_probes_and_a_good_probe_starts_others_again(dark: Desk) -> None:
    dark.pipeline.clock.advance(PROBE_SECONDS)
    ids = [dark.accept(key=f"wait-{n}") for n in range(4)]
    in_turn = replace(dark.dispatch, executor=InTurn)  # the probe begins when all four are decided upon
    results = in_turn([message_of(order_id) for order_id in ids])
    assert [r.decision for r in results] == [Decision.DONE, *[Decision.PARKED] * 3]
    assert results[0].breaker is Change.RAMPING
    assert dark.receive(ids[1]).decision is Decision.DONE


def test_without_an_open_breaker_too_an_outage_makes_no_dead_letter(desk: Desk) -> None:
    """An order now and then never makes enough failures to open it."""
    order_id = desk.accept(DOWN)
    result = desk.receive(order_id, MAX_RECEIVES)
    assert (result.decision, result.keep) == (Decision.PARKED, False)
    head = desk.pipeline.head(order_id)
    assert (head.status, head.claim) == (Status.PROCESSING, None)


@pytest.mark.parametrize("parked", ["3", -1, True, None, 1.5, [1]])
def test_a_counter_that_is_none_counts_as_never(parked: object) -> None:
    assert parked_before(json.dumps({"command": "process", "parked": parked})) == 0
