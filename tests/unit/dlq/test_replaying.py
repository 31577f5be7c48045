"""A replay is killed at every point, done by two at once, refused, and capped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.failure import MAX_APPLIES, FailureState
from lambdas.domain.operation import OperationKind
from lambdas.domain.order import Status
from lambdas.domain.transitions import completed, holding
from orders.dlq.replaying import UNSENT_AFTER, Standing
from tests.fakes.faults import Fault, Faults
from tests.unit.dlq.world import ADA, World

if TYPE_CHECKING:
    from lambdas.domain.failure import Failure
    from orders.dlq.replaying import Stand

BOB = "arn:aws:sts::111122223333:assumed-role/operator/bob"
SLEEP = UNSENT_AFTER.total_seconds() + 1


class Killed(Exception):
    """The process is gone."""


def faults_of(world: World) -> dict[str, Faults]:
    """The faults of everything that a replay calls."""
    return {
        "failures": world.failures.faults,
        "orders": world.orders.faults,
        "queue": world.queue.faults,
        "history": world.history.faults,
    }


def three() -> tuple[World, list[Failure]]:
    world = World()
    return world, [world.die(number) for number in range(3)]


def calls() -> list[tuple[str, str, int]]:
    """Every call of an undisturbed apply of three: whose, which operation, the how-manieth of it."""
    world, _ = three()
    seen: list[tuple[str, str, int]] = []

    def note(name: str, operation: str) -> None:
        number = sum(s[:2] == (name, operation) for s in seen) + 1
        seen.append((name, operation, number))

    for name, faults in faults_of(world).items():
        faults.before = lambda operation, name=name: note(name, operation)
    world.apply(world.plan())
    return sorted(seen)  # threads call in any order


@pytest.mark.parametrize("happened", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "operation", "number"), calls())
def test_killed_anywhere_and_run_again_it_replays_nothing_twice(
    name: str, operation: str, number: int, happened: bool
) -> None:
    world, failures = three()
    plan = world.plan()
    faults = faults_of(world)[name]
    faults.plan(operation, *[None] * (number - 1), Fault(Killed(), happened))
    with pytest.raises(Killed):
        world.apply(plan)
    world.clock.advance(SLEEP)
    applied = world.apply(plan, again=True)
    assert applied.count(Standing.DONE) == 3
    world.assert_replayed_once(failures)
    # Only who dies between a message and its record leaves a doubt; the pipeline has ended the order by then,
    # or the second message finds it ended.
    assert len(world.queue.sent) <= 4


def test_some_calls_are_in_every_part_of_the_protocol() -> None:
    assert {
        ("failures", "get"),
        ("failures", "save"),
        ("orders", "get"),
        ("queue", "send"),
        ("history", "record"),
    } <= {(name, operation) for name, operation, _ in calls()}


def test_killed_between_message_and_record_before_anybody_received_it() -> None:
    world, failures = three()
    world.works = False
    plan = world.plan()
    world.history.faults.plan("record", None, Fault(Killed()))
    with pytest.raises(Killed):
        world.apply(plan)
    assert len(world.queue.sent) == 1
    world.works = True
    world.clock.advance(SLEEP)
    world.apply(plan, again=True)
    assert len(world.queue.sent) == 4
    world.assert_replayed_once(failures)


def begin(world: World, failure: Failure) -> Stand:
    """Replay one by a plan that is as old as the failure."""
    replays = world.replays(world.plan())
    return replays.begin(world.entry(failure))


def test_a_replay_is_the_command_with_the_plan_in_its_own_group() -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    assert begin(world, failure).standing is Standing.UNDER_WAY
    (sent,) = world.queue.sent
    assert sent.group == "group-a"
    assert sent.body == f'{{"command":"process","order_id":"{failure.order_id}","replay":"{plan.plan_id}"}}'
    (message,) = world.of_kind(OperationKind.SENT)
    (replay,) = world.of_kind(OperationKind.REPLAY)
    assert message.message_id == "replayed-1"
    assert (replay.actor, replay.reason_code, replay.incident) == (ADA, "fixed", "INC-7")
    assert (replay.order_id, replay.plan_id) == (failure.order_id, plan.plan_id)


def test_two_operators_with_one_plan_send_one_message() -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    (entry,) = plan.entries
    ada, bob = world.replays(plan), world.replays(plan, BOB)

    def bob_is_first(operation: str) -> None:
        if operation == "save":
            world.failures.faults.before = None
            assert bob.begin(entry).standing is Standing.UNDER_WAY

    world.failures.faults.before = bob_is_first
    assert ada.begin(entry).standing is Standing.UNDER_WAY
    world.carry_out()
    assert ada.begin(entry) == bob.begin(entry)
    assert world.sent_orders() == [failure.order_id]
    world.assert_replayed_once([failure])
    assert {o.actor for o in world.of_kind(OperationKind.REPLAY)} == {BOB}


def test_another_operator_may_be_about_to_send() -> None:
    world = World()
    world.die(1)
    plan = world.plan()
    (entry,) = plan.entries
    world.history.faults.plan("record", Fault(Killed()))
    with pytest.raises(Killed):
        world.replays(plan).begin(entry)
    bob = world.replays(plan, BOB)
    assert bob.begin(entry).standing is Standing.UNDER_WAY
    assert world.queue.sent == []
    world.clock.advance(SLEEP)
    assert bob.begin(entry).standing is Standing.UNDER_WAY
    assert len(world.queue.sent) == 1
    world.clock.advance(SLEEP)
    bob.begin(entry)
    assert len(world.queue.sent) == 1


def test_a_message_that_an_execution_works_on_is_not_sent_again() -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    world.history.faults.plan("record", None, Fault(Killed()))
    with pytest.raises(Killed):
        world.replays(plan).begin(plan.entries[0])
    assert failure.order_id
    head = world.orders.heads[failure.order_id]
    world.orders.heads[failure.order_id] = replace(head, status=Status.PROCESSING)
    world.clock.advance(SLEEP)
    world.replays(plan).begin(plan.entries[0])
    assert len(world.queue.sent) == 1


def test_of_two_overlapping_plans_one_replays() -> None:
    world = World()
    failure = world.die(1)
    first = world.plan()
    world.clock.advance(1)
    second = world.plan()
    assert first.plan_id != second.plan_id
    assert world.replays(first).begin(first.entries[0]).standing is Standing.UNDER_WAY
    stand = world.replays(second).begin(second.entries[0])
    assert (stand.standing, stand.detail) == (
        Standing.CHANGED,
        "its failure changed since the plan (replaying)",
    )
    world.carry_out()
    assert world.replays(second).begin(second.entries[0]).standing is Standing.CHANGED
    assert world.replays(first).begin(first.entries[0]).standing is Standing.DONE
    world.assert_replayed_once([failure])


def test_an_order_that_changed_since_the_plan_is_refused() -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    assert failure.order_id
    head = world.orders.heads[failure.order_id]
    world.orders.heads[failure.order_id] = holding(head, world.clock.text, held=True)
    stand = world.replays(plan).begin(plan.entries[0])
    assert (stand.standing, stand.detail) == (Standing.CHANGED, "the order changed since the plan")
    assert (world.queue.sent, world.history.entries, world.states()) == ([], {}, [FailureState.OPEN])


def test_an_order_that_an_execution_holds_is_refused() -> None:
    world = World()
    failure = world.die(1)
    assert failure.order_id
    now = int(world.clock().timestamp())
    head = replace(world.orders.heads[failure.order_id], claim="execution-9", claim_until=now + 60)
    world.orders.heads[failure.order_id] = head
    assert begin(world, failure).standing is Standing.CLAIMED
    assert (world.queue.sent, world.states()) == ([], [FailureState.OPEN])
    world.clock.advance(61)
    assert begin(world, failure).standing is Standing.UNDER_WAY


@pytest.mark.parametrize("state", [s for s in FailureState if s is not FailureState.OPEN])
def test_a_failure_that_changed_since_the_plan_is_refused(state: FailureState) -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    world.failures.save(failure, replace(failure, state=state, revision=2))
    assert world.replays(plan).begin(plan.entries[0]).standing is Standing.CHANGED
    assert world.queue.sent == []


def test_what_comes_back_is_open_again_and_its_plan_never_replays_it() -> None:
    world = World()
    failure = world.die(1)
    assert failure.order_id
    world.broken.add(failure.order_id)
    plan = world.plan()
    replays = world.replays(plan)
    replays.begin(plan.entries[0])
    world.carry_out()
    for _ in range(2):
        stand = replays.begin(plan.entries[0])
        assert (stand.standing, stand.detail) == (Standing.CAME_BACK, "fulfil:WarehouseUnavailable")
    assert len(world.queue.sent) == 1
    (result,) = world.of_kind(OperationKind.REPLAY, results=True)
    assert result.result == "came_back"


def test_after_so_many_plans_it_is_set_aside() -> None:
    world = World()
    failure = world.die(1)
    assert failure.order_id
    world.broken.add(failure.order_id)
    for applies in range(1, MAX_APPLIES + 1):
        plan = world.plan()
        world.replays(plan).begin(plan.entries[0])
        world.carry_out()
        assert world.failures.records[failure.failure_id].applies == applies
        world.replays(plan).begin(plan.entries[0])
        world.clock.advance(1)
    assert world.states() == [FailureState.QUARANTINED]
    results = [o.result for o in world.of_kind(OperationKind.REPLAY, results=True)]
    assert sorted(str(result) for result in results) == ["came_back", "came_back", "quarantined"]
    plan = world.plan()
    assert world.replays(plan).begin(plan.entries[0]).standing is Standing.CHANGED
    assert len(world.queue.sent) == MAX_APPLIES


def test_an_open_one_that_was_replayed_often_enough_is_set_aside_instead() -> None:
    world = World()
    failure = world.die(1)
    world.failures.save(failure, replace(failure, applies=MAX_APPLIES, revision=2))
    worn = world.failures.records[failure.failure_id]
    assert begin(world, worn).standing is Standing.QUARANTINED
    assert (world.states(), world.queue.sent) == ([FailureState.QUARANTINED], [])


def test_a_replay_without_an_outcome_for_hours_is_said_so() -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    world.replays(plan).begin(plan.entries[0])
    replaying = world.failures.records[failure.failure_id]
    let_go = replace(replaying, state=FailureState.OPEN, revision=replaying.revision + 1)
    world.failures.save(replaying, let_go)
    stand = world.replays(plan).begin(plan.entries[0])
    assert (stand.standing, stand.detail) == (Standing.CAME_BACK, "no_outcome")


def test_what_ended_otherwise_before_its_message_came_is_done_too() -> None:
    world = World()
    failure = world.die(1)
    plan = world.plan()
    world.replays(plan).begin(plan.entries[0])
    assert failure.order_id
    world.orders.heads[failure.order_id] = completed(world.orders.heads[failure.order_id], world.clock.text)
    stand = world.replays(plan).begin(plan.entries[0])
    assert (stand.standing, stand.detail) == (Standing.DONE, "completed")
