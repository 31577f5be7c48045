"""What a plan selects, how groups move, and what the history has of whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.failure import FailureState
from lambdas.domain.identifiers import failure_id_for
from lambdas.domain.operation import OperationKind
from orders.dlq.decisions import decide
from orders.dlq.deeds import Deeds
from orders.dlq.history import history_of, history_since
from orders.dlq.holding import hold_recorded
from orders.dlq.listing import SPAN, list_groups
from orders.dlq.select import Filters, select_failures
from orders.holding import HoldRefused
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL
from tests.fakes.refunds_made import a_refund
from tests.unit.dlq.world import WHY, World


def test_a_plan_of_an_order_is_about_its_refunds_too() -> None:
    world = World()
    failure = world.die(1)
    assert failure.order_id
    refund = replace(a_refund(), order_id=failure.order_id)
    world.refunds.stored[refund.refund_id] = refund
    of_refund = replace(
        failure,
        failure_id=failure_id_for(refund.refund_id),
        refund_id=refund.refund_id,
        state=FailureState.RESOLVED,
    )
    world.failures.save(None, of_refund)
    world.die(2)
    selected = select_failures(world.failures, world.refunds, Filters(order_id=failure.order_id))
    assert {f.failure_id for f in selected} == {failure.failure_id, of_refund.failure_id}


def test_those_that_have_waited_longest_come_first() -> None:
    world = World()
    ids = []
    for number in range(4):
        ids.append(world.die(number, AT_CAPTURE if number % 2 else AT_FULFIL).failure_id)
        world.clock.advance(1)
    selected = select_failures(world.failures, world.refunds, Filters(limit=3))
    assert [f.failure_id for f in selected] == ids[:3]


@pytest.mark.parametrize(
    ("before", "recent", "word"),
    [(0, 3, "growing"), (3, 3, "steady"), (3, 1, "slowing"), (3, 0, "quiet")],
)
def test_a_groups_trend(before: int, recent: int, word: str) -> None:
    world = World()
    for number in range(before):
        world.die(number)
    world.clock.advance(SPAN.total_seconds() - 10)
    for number in range(recent):
        world.die(10 + number)
    world.clock.advance(20)
    (listed,) = list_groups(world.failures, world.clock())
    assert (listed.trend.word, listed.trend.before, listed.trend.recent) == (word, before, recent)


def test_the_group_with_most_failures_comes_first_and_closed_ones_only_when_asked_for() -> None:
    world = World()
    old = world.die(0, AT_CAPTURE)
    for number in range(1, 3):
        world.die(number)
    groups = list_groups(world.failures, world.clock())
    assert [g.group.fingerprint for g in groups] == [AT_FULFIL.fingerprint, AT_CAPTURE.fingerprint]
    decide(world.desk(), old.failure_id, OperationKind.DISCARD, WHY)
    closed = world.failures.counted[AT_CAPTURE.fingerprint]
    world.failures.save_paging(closed, closed.paging)
    assert len(list_groups(world.failures, world.clock())) == 1
    assert len(list_groups(world.failures, world.clock(), closed=True)) == 2


def test_the_history_of_an_order_has_its_failure_and_its_hold() -> None:
    world = World()
    failure, other = world.die(1), world.die(2)
    assert failure.order_id
    desk = world.desk()
    hold_recorded(desk, failure.order_id, WHY, held=True)
    world.clock.advance(1)
    decide(desk, failure.failure_id, OperationKind.QUARANTINE, WHY)
    decide(desk, other.failure_id, OperationKind.DISCARD, WHY)
    kinds = [o.kind for o in history_of(desk, failure.order_id)]
    assert kinds == [OperationKind.HOLD] * 2 + [OperationKind.QUARANTINE] * 2
    assert [o.kind for o in history_of(desk, other.failure_id)] == [OperationKind.DISCARD] * 2


def test_the_history_of_a_time_begins_there() -> None:
    world = World()
    desk = world.desk()
    decide(desk, world.die(1).failure_id, OperationKind.QUARANTINE, WHY)
    world.clock.advance(timedelta(days=2).total_seconds())
    since = world.clock()
    decide(desk, world.die(2).failure_id, OperationKind.DISCARD, WHY)
    assert {o.kind for o in history_since(desk, since)} == {OperationKind.DISCARD}
    everything = history_since(desk, since - timedelta(days=3))
    assert [o.kind for o in everything] == [OperationKind.QUARANTINE] * 2 + [OperationKind.DISCARD] * 2


def test_the_history_of_a_plan_has_what_it_replayed_after_midnight() -> None:
    world = World()
    failures = [world.die(number) for number in range(3)]
    midnight = (world.clock() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    world.clock.moment = midnight - timedelta(seconds=1)
    plan = world.plan()
    desk = world.desk()
    apply = Deeds(desk, WHY).begin(OperationKind.APPLY, plan.plan_id, plan_id=plan.plan_id)
    world.apply(plan)
    told = history_of(desk, plan.plan_id)
    assert apply in told
    replays = [o for o in told if o.kind is OperationKind.REPLAY and o.result]
    assert {o.subject for o in replays} == {f.failure_id for f in failures}
    assert {o.at[:10] for o in replays} == {"2026-03-14", "2026-03-15"}


def test_a_hold_that_is_refused_is_in_the_history_too() -> None:
    world = World()
    failure = world.die(1)
    assert failure.order_id
    del world.orders.heads[failure.order_id]
    with pytest.raises(HoldRefused):
        hold_recorded(world.desk(), failure.order_id, WHY, held=True)
    assert [o.result for o in world.history.of(failure.order_id)] == [None, "refused"]
