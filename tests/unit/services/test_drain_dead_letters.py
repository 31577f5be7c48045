"""What becomes of a dead letter, and that none is lost whoever does not answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.commands import command_text, process_command, refund_command
from lambdas.domain.errors import OrderCorrupt, PagerRefused, PagerUnavailable, StoreUnavailable
from lambdas.domain.failure import MAX_APPLIES, DeadLetter, FailureContext, FailureState, Stake
from lambdas.domain.identifiers import PlanId, RefundId, failure_id_for, unreadable_failure_id_for
from lambdas.services.drain_dead_letters import RECEIVES_OF_UNREADABLE
from lambdas.services.tell_pager import Told
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL, a_letter
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.incidents import Incidents

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from tests.fakes.faults import Fault

DOWN = StoreUnavailable("no answer")
BROKEN = KeyError("a fault of ours")
PLAN = PlanId("plan_a")


@pytest.fixture
def desk() -> Incidents:
    return Incidents()


def letter_of(order_id: OrderId, message_id: str = "m-1", **more: int) -> DeadLetter:
    return replace(a_letter(message_id=message_id, body=command_text(process_command(order_id))), **more)  # type: ignore[arg-type] # fields of DeadLetter


def dead(
    desk: Incidents, key: str = "key-1", context: FailureContext = AT_CAPTURE
) -> tuple[OrderId, DeadLetter]:
    """An order whose message has died as dispatch leaves it."""
    order_id = desk.pipeline.accept(key)
    letter = letter_of(order_id, f"message-of-{key}")
    desk.contexts.keep(failure_id_for(order_id), letter.message_id, context)
    return order_id, letter


def test_a_letter_is_archived_recorded_and_paged_for_and_may_go(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    batch = desk.batch(letter)
    (drained,) = batch.letters
    assert not drained.keep
    failure = desk.failure(order_id)
    assert drained.failure == failure
    assert (failure.state, failure.context, failure.letters) == (FailureState.OPEN, AT_CAPTURE, 1)
    assert failure.stake == Stake("GBP", 450, "accepted", "pending", "unreserved")
    assert failure.first_seen == failure.last_seen == desk.pipeline.clock.text
    assert desk.archive.letters[failure.archive_key] == (letter, AT_CAPTURE)
    assert batch.told == {AT_CAPTURE.fingerprint: Told.TRIGGERED}
    assert desk.pager.actions == ["trigger"]


def test_the_steps_come_in_the_order_in_which_nothing_can_be_lost(desk: Incidents) -> None:
    _, letter = dead(desk)
    steps: list[str] = []
    desk.archive.faults.before = desk.failures.faults.before = desk.pager.faults.before = steps.append
    desk.batch(letter)
    assert [step for step in steps if step in {"keep", "save", "send"}] == ["keep", "save", "send"]


def test_the_archive_gets_the_command_alone(desk: Incidents) -> None:
    """A message may have had anything beside it."""
    order_id, _ = dead(desk)
    content = {**process_command(order_id), "note": "Jane Doe, 1 High Street", "replay": PLAN}
    desk.receive(a_letter(message_id="m-2", body=json.dumps(content)))
    ((kept, _),) = desk.archive.letters.values()
    assert json.loads(kept.body) == process_command(order_id)
    assert desk.failure(order_id).body == kept.body


@pytest.mark.parametrize("fault", [nothing_happened(DOWN), answer_lost(DOWN), nothing_happened(BROKEN)])
@pytest.mark.parametrize("operation", ["contexts.find", "archive.keep", "failures.get", "failures.save"])
def test_while_a_store_does_not_answer_the_letter_stays_and_nobody_is_paged(
    desk: Incidents, operation: str, fault: Fault
) -> None:
    order_id, letter = dead(desk)
    part, _, name = operation.partition(".")
    getattr(desk, part).faults.plan(name, fault)
    drained = desk.receive(letter)
    assert drained.keep
    assert drained.fault is fault.error
    assert not desk.pager.events
    assert not desk.receive(letter).keep
    assert desk.failure(order_id).letters == 1
    assert len(desk.archive.letters) == 1
    assert desk.failures.counted[AT_CAPTURE.fingerprint].open == 1
    assert desk.pager.actions == ["trigger"]


@pytest.mark.parametrize(
    "fault",
    [
        nothing_happened(PagerUnavailable("429")),
        answer_lost(PagerUnavailable("timeout")),
        nothing_happened(PagerRefused("400")),
        nothing_happened(DOWN),
        nothing_happened(BROKEN),
    ],
)
def test_a_page_that_does_not_arrive_is_sent_again_by_the_schedule(desk: Incidents, fault: Fault) -> None:
    _, letter = dead(desk)
    desk.pager.faults.plan("send", fault)
    assert not desk.receive(letter).keep
    for _ in range(16):  # what was refused is tried again after a quarter of an hour
        desk.run()
    assert len(desk.pager.open) == desk.pager.opened == 1


def test_a_pager_that_is_down_is_called_once_a_batch(desk: Incidents) -> None:
    """Each call may hang for 8 seconds, and a batch may be of ten causes."""
    letters = [dead(desk, f"key-{n}", FailureContext("validate", f"Error{n}"))[1] for n in range(10)]
    desk.pager.faults.plan("send", *[nothing_happened(PagerUnavailable("timeout"))] * 10)
    batch = desk.batch(*letters)
    assert not any(drained.keep for drained in batch.letters)
    assert list(batch.told.values()) == [Told.UNAVAILABLE]


@pytest.mark.parametrize("operation", ["group", "save_paging"])
def test_a_store_that_fails_after_the_record_was_written_keeps_no_letter(
    desk: Incidents, operation: str
) -> None:
    _, letter = dead(desk)
    desk.failures.faults.plan(operation, nothing_happened(DOWN))
    batch = desk.batch(letter)
    assert not batch.letters[0].keep
    assert list(batch.told.values()) == [Told.UNAVAILABLE]
    desk.run()
    assert desk.pager.opened == 1


def test_a_letter_that_comes_twice_counts_once(desk: Incidents) -> None:
    """SQS may deliver it again after it was deleted, and Lambda may run a batch again."""
    order_id, letter = dead(desk)
    desk.batch(letter)
    again = desk.receive(replace(letter, receives=2))
    assert (again.keep, again.seen_before) == (False, True)
    assert desk.failure(order_id).letters == 1
    assert desk.failures.counted[AT_CAPTURE.fingerprint].total == 1
    assert len(desk.pager.events) == 1


def test_two_letters_of_an_order_are_one_failure(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    second = replace(letter, message_id="m-2")
    desk.contexts.keep(failure_id_for(order_id), "m-2", AT_FULFIL)
    batch = desk.batch(letter, second)
    assert not any(drained.keep for drained in batch.letters)
    failure = desk.failure(order_id)
    assert (failure.letters, failure.context, failure.revision) == (2, AT_FULFIL, 1)
    assert AT_CAPTURE.fingerprint not in desk.failures.counted
    assert desk.failures.counted[AT_FULFIL.fingerprint].open == 1
    assert len(desk.archive.letters) == 2


def test_a_whole_batch_of_one_cause_is_one_page(desk: Incidents) -> None:
    letters = [dead(desk, f"key-{n}")[1] for n in range(10)]
    desk.batch(*letters)
    group = desk.failures.counted[AT_CAPTURE.fingerprint]
    assert (group.open, group.stake) == (10, {"GBP": 4_500})
    (event,) = desk.pager.events
    assert event["payload"]["custom_details"]["open"] == 10


def test_one_letter_that_breaks_us_keeps_no_other(desk: Incidents) -> None:
    (wrong, bad), (right, good) = dead(desk, "wrong"), dead(desk, "right")
    desk.archive.faults.plan("keep", nothing_happened(BROKEN))
    batch = desk.batch(bad, good)
    kept = [drained.letter for drained in batch.letters if drained.keep]
    assert len(kept) == 1
    assert len({failure_id_for(wrong), failure_id_for(right)} & desk.failures.records.keys()) == 1


def test_a_record_that_cannot_be_written_keeps_no_other(desk: Incidents) -> None:
    letters = [dead(desk, f"key-{n}")[1] for n in range(3)]
    # all together, then each alone
    desk.failures.faults.plan("save", nothing_happened(BROKEN), None, nothing_happened(BROKEN), None)
    batch = desk.batch(*letters)
    assert [drained.keep for drained in batch.letters] == [False, True, False]
    assert desk.failures.counted[AT_CAPTURE.fingerprint].open == 2


def test_a_record_that_others_write_at_this_moment_is_read_again(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    desk.batch(letter)
    second = replace(letter, message_id="m-2")

    def somebody_else(name: str) -> None:
        if name == "save":
            desk.failures.faults.before = None
            found = desk.failure(order_id)
            assert desk.failures.save(found, replace(found, applies=1, revision=found.revision + 1))

    desk.failures.faults.before = somebody_else
    assert not desk.receive(second).keep
    failure = desk.failure(order_id)
    assert (failure.applies, failure.letters, failure.revision) == (1, 2, 3)


def test_a_letter_without_context_says_so(desk: Incidents) -> None:
    order_id = desk.pipeline.accept()
    desk.receive(letter_of(order_id))
    assert desk.failure(order_id).context.title == "unknown:unknown"


@pytest.mark.parametrize("error", [OrderCorrupt("contradicts itself"), KeyError("total")])
def test_an_order_that_nobody_can_read_keeps_no_letter(desk: Incidents, error: Exception) -> None:
    order_id, letter = dead(desk)
    desk.pipeline.orders.faults.plan("get", nothing_happened(error))
    assert not desk.receive(letter).keep
    assert desk.failure(order_id).stake == Stake()


def test_an_order_that_does_not_answer_keeps_its_letter(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    desk.pipeline.orders.faults.plan("get", nothing_happened(DOWN))
    assert desk.receive(letter).keep
    assert not desk.receive(letter).keep
    assert desk.failure(order_id).stake.total == 450


def test_an_order_that_has_ended_meanwhile_is_recorded_and_pages_nobody(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    for step in ("validate", "authorise", "fulfil", "capture"):
        desk.pipeline.step(step, order_id)
    desk.batch(letter)
    assert desk.failure(order_id).state is FailureState.RESOLVED
    assert desk.failures.counted[AT_CAPTURE.fingerprint].open == 0
    assert not desk.pager.events


def test_an_order_that_ended_without_its_event_waits_for_it(desk: Incidents) -> None:
    at_publish = FailureContext(step="publish", error_class="Events.Failed")
    order_id, letter = dead(desk, context=at_publish)
    for step in ("validate", "authorise", "fulfil", "capture"):
        desk.pipeline.step(step, order_id)
    desk.batch(letter)
    assert desk.failure(order_id).state is FailureState.OPEN
    assert len(desk.pager.events) == 1


def test_a_refund_is_a_failure_of_its_own_with_its_own_stake(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    for step in ("validate", "authorise", "fulfil", "capture"):
        desk.pipeline.step(step, order_id)
    refund_id = desk.pipeline.ask_refund(order_id, amount=200)
    message = replace(letter, message_id="m-2", body=command_text(refund_command(order_id, refund_id)))
    desk.receive(message)
    failure = desk.failures.records[failure_id_for(refund_id)]
    assert (failure.order_id, failure.refund_id, failure.subject) == (order_id, refund_id, refund_id)
    assert (failure.stake.total, failure.state) == (200, FailureState.OPEN)
    assert failure_id_for(order_id) not in desk.failures.records


def test_a_refund_that_is_not_there_is_worth_the_whole_order(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    refund_id = RefundId("ref_" + "a" * 26)
    desk.receive(replace(letter, body=command_text(refund_command(order_id, refund_id))))
    failure = desk.failures.records[failure_id_for(refund_id)]
    assert (failure.stake.total, failure.state) == (450, FailureState.OPEN)


@pytest.mark.parametrize("text", ["not json", '{"command":"explode"}', "[" * 5_000, ""])
def test_a_letter_that_nobody_can_read_goes_raw_at_its_fifth_receive(desk: Incidents, text: str) -> None:
    for receives in range(1, RECEIVES_OF_UNREADABLE):
        early = desk.receive(a_letter(body=text, receives=receives))
        assert early.keep
        assert early.fault is None
    assert not desk.archive.unreadable
    assert not desk.failures.records
    letter = a_letter(body=text, receives=RECEIVES_OF_UNREADABLE)
    assert not desk.receive(letter).keep
    assert list(desk.archive.unreadable.values()) == [letter]
    failure = desk.failures.records[unreadable_failure_id_for(letter.message_id)]
    assert (failure.context.title, failure.body, failure.subject) == (
        "unreadable:NoCommand",
        "",
        letter.message_id,
    )
    (event,) = desk.pager.events
    assert event["payload"]["severity"] == "critical"
    assert not desk.receive(replace(letter, receives=6)).keep
    assert len(desk.pager.events) == 1


def test_an_unreadable_letter_stays_until_its_bucket_answers(desk: Incidents) -> None:
    letter = a_letter(body="{", receives=RECEIVES_OF_UNREADABLE)
    desk.archive.faults.plan("keep_unreadable", nothing_happened(DOWN))
    assert desk.receive(letter).keep
    assert not desk.receive(replace(letter, receives=6)).keep
    assert list(desk.archive.unreadable) == [letter.message_id]


def replayed(desk: Incidents, order_id: OrderId) -> None:
    """An operator's apply."""
    found = desk.failure(order_id)
    changes = {"state": FailureState.REPLAYING, "plan_id": PLAN, "replayed_at": desk.pipeline.clock.text}
    after = replace(found, applies=found.applies + 1, revision=found.revision + 1, **changes)  # type: ignore[arg-type] # fields of Failure
    assert desk.failures.save(found, after)


def test_an_order_that_fails_after_each_apply_is_set_aside_and_stays_so(desk: Incidents) -> None:
    order_id, letter = dead(desk)
    desk.batch(letter)
    for n in range(MAX_APPLIES):
        assert desk.failure(order_id).state is FailureState.OPEN
        replayed(desk, order_id)
        drained = desk.receive(replace(letter, message_id=f"again-{n}"))
    assert drained.quarantined
    failure = desk.failure(order_id)
    assert (failure.state, failure.letters) == (FailureState.QUARANTINED, 1 + MAX_APPLIES)
    assert desk.failures.counted[failure.fingerprint].open == 0
    assert desk.receive(replace(letter, message_id="once-more")).quarantined
    assert desk.failure(order_id).state is FailureState.QUARANTINED


@pytest.mark.parametrize("state", [FailureState.RESOLVED, FailureState.DISCARDED])
def test_a_failure_that_had_ended_opens_again_and_begins_anew(desk: Incidents, state: FailureState) -> None:
    order_id, letter = dead(desk)
    desk.batch(letter)
    replayed(desk, order_id)
    found = desk.failure(order_id)
    assert desk.failures.save(found, replace(found, state=state, revision=found.revision + 1))
    desk.pipeline.clock.advance(3_600)
    assert desk.receive(replace(letter, message_id="m-2")).failure == desk.failure(order_id)
    failure = desk.failure(order_id)
    assert (failure.state, failure.applies, failure.letters) == (FailureState.OPEN, 0, 2)
    assert failure.first_seen < failure.last_seen == desk.pipeline.clock.text
