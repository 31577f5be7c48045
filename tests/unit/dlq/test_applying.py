"""A plan is applied: canary, ramp, stop, faults, and going on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.failure import FailureState
from lambdas.domain.transitions import rejected
from orders.dlq.applying import MOST_FAULTS, PATIENCE_SECONDS
from orders.dlq.ramp import DOUBLING_SECONDS, WINDOW_SECONDS, Ramp, comes_back
from orders.dlq.recurrence import Recurrence
from orders.dlq.replaying import Standing
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL
from tests.fakes.faults import nothing_happened
from tests.unit.dlq.world import World

if TYPE_CHECKING:
    from lambdas.domain.failure import Failure


def deaths(world: World, count: int) -> list[Failure]:
    return [world.die(number) for number in range(count)]


def break_order(world: World, failure: Failure) -> None:
    assert failure.order_id
    world.broken.add(failure.order_id)


def first_of(world: World) -> Failure:
    """The failure whose turn comes first."""
    return world.failures.records[world.entries()[0].failure_id]


def test_all_orders_end_once() -> None:
    world = World()
    failures = deaths(world, 60)
    told: list[int] = []
    applied = world.apply(world.plan(), begin_rest=lambda _: told.append)
    assert (applied.count(Standing.DONE), applied.stopped, applied.not_begun) == (60, None, 0)
    assert applied.details(Standing.DONE) == {"completed": 60}
    world.assert_replayed_once(failures)
    assert told == sorted(told)
    assert told[-1] == 60


def test_nothing_follows_the_canary_before_its_order_has_ended() -> None:
    world = World()
    deaths(world, 9)
    world.works = False
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        world.clock.advance(seconds)
        if len(slept) == 100:
            assert len(world.queue.sent) == 1
            world.works = True
        world.pass_time(0)

    assert world.apply(world.plan(), sleep=sleep).count(Standing.DONE) == 9
    assert len(slept) > 100


def test_a_canary_that_comes_back_stops_all() -> None:
    world = World()
    deaths(world, 9)
    break_order(world, first_of(world))
    plan = world.plan()
    applied = world.apply(plan)
    assert applied.stopped == "the canary came back"
    assert (applied.count(Standing.CAME_BACK), applied.not_begun) == (1, 8)
    assert len(world.queue.sent) == 1
    assert world.states().count(FailureState.OPEN) == 9


def test_each_run_begins_with_a_canary_of_its_own() -> None:
    world = World()
    failures = deaths(world, 9)
    for failure in failures:
        break_order(world, failure)
    plan = world.plan()
    for run in (1, 2):
        applied = world.apply(plan, again=run > 1)
        assert (applied.stopped, len(world.queue.sent)) == ("the canary came back", run)
    world.broken.clear()
    applied = world.apply(plan, again=True)
    assert (applied.stopped, applied.count(Standing.DONE), applied.count(Standing.CAME_BACK)) == (None, 7, 2)


def test_each_cause_has_its_canary() -> None:
    world = World()
    for number in range(8):
        world.die(number, AT_CAPTURE if number % 2 else AT_FULFIL)
    break_order(world, world.failures.records[world.entries()[1].failure_id])
    applied = world.apply(world.plan())
    assert applied.stopped == "the canary came back"
    assert (applied.count(Standing.DONE), applied.not_begun) == (1, 6)


def test_a_canary_without_an_outcome_stops_for_now() -> None:
    world = World()
    failures = deaths(world, 3)
    world.works = False
    plan = world.plan()
    applied = world.apply(plan)
    assert applied.stopped == "the canary has no outcome yet"
    assert (applied.count(Standing.UNDER_WAY), len(world.queue.sent)) == (1, 1)
    world.works = True
    assert world.apply(plan, again=True).count(Standing.DONE) == 3
    world.assert_replayed_once(failures)


def test_a_refused_canary_is_followed_by_another() -> None:
    world = World()
    deaths(world, 3)
    plan = world.plan()
    first = world.failures.records[plan.entries[0].failure_id]
    assert first.order_id
    head = world.orders.heads[first.order_id]
    world.orders.heads[first.order_id] = rejected(head, world.clock.text, "out_of_stock")
    applied = world.apply(plan)
    assert applied.details(Standing.CHANGED) == {"the order changed since the plan": 1}
    assert applied.count(Standing.DONE) == 2


def break_all_but_the_canary(world: World) -> None:
    for entry in world.entries()[1:]:
        break_order(world, world.failures.records[entry.failure_id])


def test_one_that_fails_of_the_same_again_stops_all_until_somebody_goes_on() -> None:
    world = World()
    deaths(world, 200)
    broken = world.failures.records[world.entries()[1].failure_id]
    break_order(world, broken)
    plan = world.plan()
    applied = world.apply(plan)
    assert applied.stopped == "its cause is not gone"
    assert applied.count(Standing.CAME_BACK) == 1
    assert applied.count(Standing.UNDER_WAY) == 0
    assert applied.not_begun > 100
    applied = world.apply(plan, again=True)
    assert (applied.stopped, applied.not_begun) == (None, 0)
    assert (applied.count(Standing.DONE), applied.count(Standing.CAME_BACK)) == (199, 1)
    assert len(world.queue.sent) == 200


def test_so_many_are_tolerated() -> None:
    world = World()
    deaths(world, 100)
    for entry in world.entries()[1:3]:
        break_order(world, world.failures.records[entry.failure_id])
    applied = world.apply(world.plan(), tolerate=2)
    assert (applied.stopped, applied.count(Standing.DONE), applied.not_begun) == (None, 98, 0)


def test_an_order_outside_of_the_plan_that_fails_of_the_same_stops_it_too() -> None:
    world = World()
    deaths(world, 100)
    plan = world.plan()
    watch = Recurrence(world.failures, frozenset({AT_FULFIL.fingerprint}), world.clock.text)

    def sleep(seconds: float) -> None:
        world.pass_time(seconds)
        if len(world.queue.sent) == 9:
            world.die(500, replace(AT_FULFIL, failed_at=world.clock.text))

    applied = world.apply(plan, watch=watch, sleep=sleep)
    assert applied.stopped == "its cause is not gone"
    assert applied.count(Standing.DONE) == len(world.queue.sent) < 100


def test_a_letter_that_is_drained_late_says_nothing_of_the_cause() -> None:
    world = World()
    before = replace(AT_FULFIL, failed_at=world.clock.text)
    world.clock.advance(1)
    for number in range(3):
        world.die(number, before)
    watch = Recurrence(world.failures, frozenset({AT_FULFIL.fingerprint}), world.clock.text)
    plan = world.plan()
    world.clock.advance(1)
    world.die(500, before)
    world.die(501, replace(AT_CAPTURE, failed_at=world.clock.text))
    assert watch() == frozenset()
    assert world.apply(plan, watch=watch).stopped is None


def test_one_that_comes_back_otherwise_stops_nothing_and_many_do() -> None:
    world = World(comes_back_as=AT_CAPTURE)
    deaths(world, 200)
    break_order(world, world.failures.records[world.entries()[1].failure_id])
    applied = world.apply(world.plan())
    assert (applied.stopped, applied.count(Standing.CAME_BACK, Standing.DONE)) == (None, 200)

    world = World(comes_back_as=AT_CAPTURE)
    deaths(world, 200)
    break_all_but_the_canary(world)
    applied = world.apply(world.plan())
    assert applied.stopped == "too many of them come back"
    assert 2 <= applied.count(Standing.CAME_BACK) <= 12
    assert applied.count(Standing.UNDER_WAY) == 0
    assert len(world.queue.sent) == 200 - applied.not_begun


def test_a_single_call_that_fails_stops_nothing() -> None:
    world = World()
    failures = deaths(world, 12)
    world.queue.faults.plan("send", None, nothing_happened(QueueUnavailable("down")))
    world.failures.faults.plan("save", None, None, nothing_happened(StoreUnavailable("throttled")))
    assert world.apply(world.plan()).count(Standing.DONE) == 12
    world.assert_replayed_once(failures)


def test_a_store_that_is_down_is_told() -> None:
    world = World()
    deaths(world, 40)
    down = nothing_happened(StoreUnavailable("down"))
    world.failures.faults.plan("get", *[down] * (MOST_FAULTS + 40))
    with pytest.raises(StoreUnavailable):
        world.apply(world.plan())
    assert world.queue.sent == []


def test_it_gives_up_waiting_after_a_while_and_says_what_is_under_way() -> None:
    world = World()
    deaths(world, 4)
    canary = first_of(world)

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        if len(world.queue.sent) == 1:
            world.carry_out()

    began = world.seconds()
    applied = world.apply(world.plan(), sleep=sleep)
    assert (applied.count(Standing.DONE), applied.count(Standing.UNDER_WAY)) == (1, 3)
    assert applied.stands[canary.failure_id].standing is Standing.DONE
    assert world.seconds() - began < 2 * PATIENCE_SECONDS


def test_the_ramp_doubles_up_to_the_rate() -> None:
    ramp = Ramp(rate=6.0, began=100.0)
    rates = [ramp.rate_at(100 + n * DOUBLING_SECONDS) for n in range(5)]
    assert rates == [1, 2, 4, 6, 6]


def test_the_ramp_keeps_to_its_rate_and_saves_nothing_up() -> None:
    ramp = Ramp(rate=50.0, began=0.0)
    taken = sum(ramp.take(n / 4, 0) for n in range(41))
    assert taken == 1 + 10
    assert Ramp(rate=4.0, began=0.0).take(1_000.0, 0) == 4
    assert Ramp(rate=0.5, began=0.0).take(1_000.0, 0) == 1


def test_the_ramp_waits_for_what_is_under_way() -> None:
    window = int(WINDOW_SECONDS)
    ramp = Ramp(rate=1.0, began=0.0)
    assert ramp.take(5.0, window) == 0
    assert ramp.take(5.0, window - 1) == 1


@pytest.mark.parametrize(
    ("came_back", "concluded", "stops"),
    [(1, 1, False), (2, 10, True), (2, 50, False), (3, 99, True), (3, 100, False), (200, 10_000, False)],
)
def test_how_many_may_come_back(came_back: int, concluded: int, stops: bool) -> None:
    assert comes_back(came_back, concluded) is stops
