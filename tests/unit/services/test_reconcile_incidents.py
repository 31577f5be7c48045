"""PagerDuty is brought to what the groups are, and failures end with their orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import PagerRefused, PagerUnavailable, StoreUnavailable
from lambdas.domain.failure import FailureContext, FailureState
from lambdas.domain.failure_end import LONGEST_REPLAY
from lambdas.domain.identifiers import PlanId, failure_id_for
from lambdas.services import reconcile_incidents
from lambdas.services.reconcile_incidents import RESERVE_SECONDS
from lambdas.services.tell_pager import Told
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.incidents import Incidents
from tests.unit.services.test_drain_dead_letters import dead, replayed

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from tests.fakes.faults import Fault

DOWN = StoreUnavailable("no answer")
SALE = ("validate", "authorise", "fulfil", "capture")


@pytest.fixture
def desk() -> Incidents:
    return Incidents()


def failing(desk: Incidents, count: int = 1, context: FailureContext = AT_CAPTURE) -> list[OrderId]:
    """Orders whose letters were drained together."""
    made = [dead(desk, f"{context.title}-{n}", context) for n in range(count)]
    desk.batch(*(letter for _, letter in made))
    return [order_id for order_id, _ in made]


def sell(desk: Incidents, order_id: OrderId) -> None:
    """Somebody mends what was wrong, and the order ends."""
    for step in SALE:
        desk.pipeline.step(step, order_id)


def test_an_incident_resolves_with_the_last_failure_of_its_group(desk: Incidents) -> None:
    first, second = failing(desk, 2)
    sell(desk, first)
    run = desk.run()
    assert (run.open, run.resolved, run.pending) == (1, 1, 0)
    assert desk.pager.open
    assert desk.failure(first).state is FailureState.RESOLVED
    sell(desk, second)
    run = desk.run()
    assert (run.open, run.resolved, run.pending) == (0, 1, 0)
    assert not desk.pager.open
    assert desk.pager.actions == ["trigger", "resolve"]
    assert desk.run().groups == 0


def test_groups_have_incidents_of_their_own(desk: Incidents) -> None:
    failing(desk)
    (order_id,) = failing(desk, context=AT_FULFIL)
    sell(desk, order_id)
    desk.run()
    assert desk.pager.opened == 2
    assert [key.rpartition("/")[2] for key in desk.pager.open] == [AT_CAPTURE.fingerprint]


def test_tenfold_growth_pages_again_and_less_does_not(desk: Incidents) -> None:
    failing(desk)
    for key in range(8):
        dead_letter = dead(desk, f"more-{key}")[1]
        desk.batch(dead_letter)
    desk.run()
    assert desk.pager.actions == ["trigger"]
    desk.batch(dead(desk, "the-tenth")[1])
    desk.run()
    assert desk.pager.actions == ["trigger", "trigger"]
    assert desk.pager.opened == 1
    assert desk.pager.events[-1]["payload"]["custom_details"]["open"] == 10


def test_a_group_is_told_of_at_most_once_in_a_gap(desk: Incidents) -> None:
    failing(desk)
    desk.batch(*(dead(desk, f"more-{n}")[1] for n in range(20)))
    assert desk.pager.actions == ["trigger"]
    desk.pipeline.clock.advance(54)
    assert desk.tell(AT_CAPTURE.fingerprint) is Told.NOTHING
    desk.pipeline.clock.advance(1)
    assert desk.tell(AT_CAPTURE.fingerprint) is Told.TRIGGERED
    assert desk.tell(AT_CAPTURE.fingerprint) is Told.NOTHING


def test_what_changes_slowly_is_told_after_a_quarter_of_an_hour(desk: Incidents) -> None:
    failing(desk)
    desk.batch(dead(desk, "one-more")[1])
    for _ in range(14):
        desk.run()
    assert desk.pager.actions == ["trigger"]
    desk.run()
    assert desk.pager.actions == ["trigger", "trigger"]
    for _ in range(60):
        desk.run()
    assert len(desk.pager.events) == 2


@pytest.mark.parametrize(
    "fault", [nothing_happened(PagerUnavailable("503")), answer_lost(PagerUnavailable("timeout"))]
)
def test_a_resolve_that_did_not_arrive_is_sent_again(desk: Incidents, fault: Fault) -> None:
    (order_id,) = failing(desk)
    sell(desk, order_id)
    desk.pager.faults.plan("send", fault)
    run = desk.run()
    assert (run.pending, list(run.told.values())) == (1, [Told.UNAVAILABLE])
    run = desk.run()
    assert (run.pending, list(run.told.values())) == (0, [Told.RESOLVED])
    assert not desk.pager.open


def test_what_pagerduty_refuses_is_reported_and_tried_again_seldom(desk: Incidents) -> None:
    desk.pager.faults.plan("send", *[nothing_happened(PagerRefused("400"))] * 2)
    failing(desk)
    runs = [desk.run() for _ in range(14)]
    assert {run.pending for run in runs} == {1}
    assert all(told is Told.NOTHING for run in runs for told in run.told.values())
    assert list(desk.run().told.values()) == [Told.REFUSED]
    for _ in range(15):
        run = desk.run()
    assert (run.pending, desk.pager.opened) == (0, 1)


def test_a_pager_that_is_down_is_called_once_a_run_and_about_each_group_in_turn(desk: Incidents) -> None:
    down = nothing_happened(PagerUnavailable("timeout"))
    desk.pager.faults.plan("send", *[down] * 6)  # three as they die, then one a run
    causes = [FailureContext("validate", f"Error{n}") for n in range(3)]
    for context in causes:
        failing(desk, context=context)
    tried = []
    for _ in range(3):
        run = desk.run()
        assert (run.pending, run.fault) == (3, None)
        tried += [name for name, told in run.told.items() if told is Told.UNAVAILABLE]
    assert sorted(tried) == sorted(context.fingerprint for context in causes)
    assert desk.run().pending == 0
    assert desk.pager.opened == 3


def test_a_failure_that_comes_while_its_incident_is_resolved_pages_again(desk: Incidents) -> None:
    """The resolve arrives after the failure was counted: PagerDuty forgets an incident that is needed."""
    (order_id,) = failing(desk)
    sell(desk, order_id)
    late = dead(desk, "late")[1]

    def another_dies(_name: str) -> None:
        desk.pager.faults.before = None
        desk.batch(late)

    desk.pager.faults.before = another_dies
    desk.run()
    assert desk.pager.actions == ["trigger", "resolve"]
    assert not desk.pager.open
    assert desk.run().pending == 0
    assert desk.pager.actions == ["trigger", "resolve", "trigger"]
    assert len(desk.pager.open) == 1


def test_a_run_that_dies_after_it_sent_the_resolve_mends_itself(desk: Incidents) -> None:
    """What it did is not written down; the incident that is needed again comes back by itself."""
    (order_id,) = failing(desk)
    sell(desk, order_id)
    desk.failures.faults.plan("save_paging", None, nothing_happened(DOWN))
    assert desk.run().fault
    assert not desk.pager.open
    desk.batch(dead(desk, "late")[1])
    for _ in range(16):
        desk.run()
    assert len(desk.pager.open) == 1


def test_two_that_tell_at_once_send_one_event(desk: Incidents) -> None:
    failing(desk)
    sell(desk, failing(desk, context=AT_FULFIL)[0])
    desk.batch(*(dead(desk, f"more-{n}")[1] for n in range(9)))
    desk.pipeline.clock.advance(60)

    def somebody_else(name: str) -> None:
        if name == "save_paging":
            desk.failures.faults.before = None
            assert desk.tell(AT_CAPTURE.fingerprint) is Told.TRIGGERED

    desk.failures.faults.before = somebody_else
    assert desk.tell(AT_CAPTURE.fingerprint) is Told.NOTHING
    assert desk.pager.actions.count("trigger") == 3


def test_a_replay_without_outcome_is_let_go_after_two_hours(desk: Incidents) -> None:
    (order_id,) = failing(desk)
    replayed(desk, order_id)
    desk.pipeline.clock.advance((LONGEST_REPLAY - timedelta(minutes=2)).total_seconds())
    assert desk.run().let_go == 0
    assert desk.failure(order_id).state is FailureState.REPLAYING
    run = desk.run()
    assert (run.let_go, run.open) == (1, 1)
    assert desk.failure(order_id).state is FailureState.OPEN
    assert desk.failure(order_id).applies == 1


def test_a_replay_that_still_runs_is_not_let_go(desk: Incidents) -> None:
    (order_id,) = failing(desk)
    replayed(desk, order_id)
    desk.pipeline.clock.advance(LONGEST_REPLAY.total_seconds())
    desk.pipeline.step("validate", order_id)  # claims it
    assert desk.run().let_go == 0


def test_an_event_that_was_not_published_is_over_when_its_replay_came_through(desk: Incidents) -> None:
    (order_id,) = failing(desk, context=FailureContext("publish", "Events.Failed"))
    sell(desk, order_id)
    replayed(desk, order_id)
    assert desk.run().resolved == 0
    desk.contexts.came_through(failure_id_for(order_id), PlanId("plan_a"), desk.pipeline.clock.text)
    assert desk.run().resolved == 1


def test_a_refund_is_over_when_it_has_ended(desk: Incidents) -> None:
    (order_id,) = failing(desk)
    sell(desk, order_id)
    refund_id = desk.pipeline.ask_refund(order_id)
    found = desk.failure(order_id)
    waiting = replace(found, failure_id=failure_id_for(refund_id), refund_id=refund_id, last_message_id="m-2")
    assert desk.failures.save(None, waiting)
    assert (desk.run().resolved, desk.run().open) == (1, 1)
    for step in ("claim", "refund"):
        desk.pipeline.step(step, order_id, refund_id=refund_id)
    assert desk.run().resolved == 1
    assert not desk.pager.open


@pytest.mark.parametrize(
    "operation", ["failures.groups", "failures.group", "failures.waiting_in", "heads.heads"]
)
def test_a_store_that_does_not_answer_ends_the_run_and_the_next_goes_on(
    desk: Incidents, operation: str
) -> None:
    (order_id,) = failing(desk)
    sell(desk, order_id)
    part, _, name = operation.partition(".")
    getattr(desk, part).faults.plan(name, nothing_happened(DOWN))
    assert desk.run().fault == "StoreUnavailable: no answer"
    assert desk.run().fault is None
    assert not desk.pager.open


def test_a_failure_that_nobody_can_read_keeps_no_other_group(desk: Incidents) -> None:
    failing(desk)
    (order_id,) = failing(desk, context=AT_FULFIL)
    sell(desk, order_id)
    desk.failures.faults.plan("waiting_in", nothing_happened(KeyError("context")))
    run = desk.run()
    assert run.fault == "KeyError"
    assert set(run.told) == {AT_CAPTURE.fingerprint, AT_FULFIL.fingerprint}
    assert (run.open, run.resolved) == (1, 1)


def test_an_order_that_nobody_can_read_keeps_no_other_failure(desk: Incidents) -> None:
    first, second = failing(desk, 2)
    sell(desk, first)
    desk.heads.unreadable.add(second)
    assert (desk.run().resolved, desk.failure(second).state) == (1, FailureState.OPEN)


def test_a_refund_that_nobody_can_read_keeps_no_other_failure(desk: Incidents) -> None:
    first, second = failing(desk, 2)
    sell(desk, first)
    refund_id = desk.pipeline.ask_refund(first)
    unreadable = replace(
        desk.failure(first), failure_id=failure_id_for(refund_id), refund_id=refund_id, last_message_id="m-2"
    )
    assert desk.failures.save(None, unreadable)
    sell(desk, second)
    desk.pipeline.refunds.faults.plan("refund", nothing_happened(KeyError("amount")))
    run = desk.run()
    assert (run.resolved, run.open, run.fault) == (2, 1, None)


def test_one_failure_that_others_change_at_this_moment_keeps_no_other(desk: Incidents) -> None:
    first, second = failing(desk, 2)
    sell(desk, first)
    sell(desk, second)

    def somebody_else(name: str) -> None:
        if name == "save":
            desk.failures.faults.before = None
            replayed(desk, second)

    desk.failures.faults.before = somebody_else
    assert desk.run().resolved == 1
    assert desk.failure(second).state is FailureState.REPLAYING
    assert desk.run().resolved == 1


def test_a_large_group_is_looked_at_in_turns_and_its_replays_in_each(
    desk: Incidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_incidents, "OPEN_LOOKED_AT", 2)
    made = []
    for n in range(5):  # each dies a second after the last
        order_id, letter = dead(desk, f"key-{n}")
        desk.batch(letter)
        desk.pipeline.clock.advance(1)
        made.append(order_id)
    replayed(desk, made[4])
    sell(desk, made[3])
    sell(desk, made[4])
    assert desk.run().resolved == 1
    assert desk.failure(made[4]).state is FailureState.RESOLVED
    assert desk.run().resolved == 1
    assert desk.run().resolved == 0
    sell(desk, made[0])
    assert sum(desk.run().resolved for _ in range(2)) == 1


def test_a_run_out_of_time_still_tells_pagerduty(desk: Incidents) -> None:
    (order_id,) = failing(desk)
    desk.batch(*(dead(desk, f"more-{n}")[1] for n in range(9)))
    sell(desk, order_id)
    run = desk.run(seconds_left=RESERVE_SECONDS)
    assert (run.resolved, list(run.told.values())) == (0, [Told.TRIGGERED])
    assert desk.run().resolved == 1
