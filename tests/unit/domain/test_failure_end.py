"""When a failure is over, and when its replay is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.failure import FailureContext, FailureState
from lambdas.domain.failure_end import LONGEST_REPLAY, is_given_up, is_over
from lambdas.domain.order import Status
from lambdas.domain.refund import RefundStatus
from lambdas.domain.timestamps import to_text
from tests.fakes.clock import START
from tests.fakes.failures_made import a_failure
from tests.fakes.orders_made import an_order
from tests.fakes.refunds_made import a_refund

ENDED = {Status.COMPLETED, Status.REJECTED, Status.CANCELLED}


@pytest.mark.parametrize("status", Status)
def test_an_order_is_over_when_it_has_ended(status: Status) -> None:
    order = an_order(status=status)
    assert is_over(a_failure(), order, None, came_through=False) is (status in ENDED)


@pytest.mark.parametrize("came_through", [True, False])
def test_an_order_that_is_not_there_is_not_over(came_through: bool) -> None:
    assert not is_over(a_failure(), None, None, came_through=came_through)


@pytest.mark.parametrize("step", ["publish", "publish refund"])
@pytest.mark.parametrize("came_through", [True, False])
def test_an_event_is_over_when_its_replay_came_through_alone(step: str, came_through: bool) -> None:
    failure = a_failure(context=FailureContext(step=step))
    order = an_order(status=Status.COMPLETED)
    assert is_over(failure, order, None, came_through=came_through) is came_through


@pytest.mark.parametrize(
    ("refund", "over"),
    [
        (None, False),
        (a_refund(), False),
        (a_refund(status=RefundStatus.ATTENTION_REQUIRED), False),
        (a_refund(status=RefundStatus.FAILED), True),
        (a_refund(status=RefundStatus.SUCCEEDED), True),
        (a_refund(status=RefundStatus.SUCCEEDED, restock=True), False),
        (a_refund(status=RefundStatus.SUCCEEDED, restock=True, restocked=True), True),
    ],
)
def test_a_refund_is_over_when_nothing_of_it_is_left(refund: Any, over: bool) -> None:
    failure = replace(a_failure(), refund_id=a_refund().refund_id)
    order = an_order(status=Status.COMPLETED)
    assert is_over(failure, order, refund, came_through=False) is over


def replaying(ago: timedelta, **changes: Any) -> Any:
    state = {"state": FailureState.REPLAYING, "replayed_at": to_text(START - ago)}
    return replace(a_failure(), **(state | changes))


def test_a_replay_is_given_up_after_two_hours() -> None:
    order = an_order(status=Status.ATTENTION_REQUIRED)
    assert is_given_up(replaying(LONGEST_REPLAY), order, START)
    assert is_given_up(replaying(LONGEST_REPLAY), None, START)
    assert not is_given_up(replaying(LONGEST_REPLAY - timedelta(seconds=1)), order, START)


def test_one_without_a_time_counts_from_its_last_letter() -> None:
    seen = to_text(START - LONGEST_REPLAY)
    assert is_given_up(replaying(timedelta(), replayed_at=None, last_seen=seen), None, START)


def test_an_order_at_work_is_not_given_up() -> None:
    busy = an_order(status=Status.PROCESSING, claim="execution-9", claim_until=int(START.timestamp()) + 240)
    assert not is_given_up(replaying(LONGEST_REPLAY), busy, START)


@pytest.mark.parametrize("state", [s for s in FailureState if s is not FailureState.REPLAYING])
def test_only_a_replay_can_be_given_up(state: FailureState) -> None:
    assert not is_given_up(replaying(timedelta(days=3), state=state), None, START)
