"""Failures and their groups in the table, and in the fake, which has to keep the same rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.failure_contexts import KEPT_SECONDS, DynamoFailureContexts
from lambdas.adapters.dynamodb.failure_records import MOST_TOGETHER, DynamoFailures
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.failure import WAITING, Failure, FailureGroup, FailureState, Paging
from lambdas.domain.identifiers import Fingerprint, PlanId
from tests.adapters.recording import RecordingClient, cancelled, client_error
from tests.adapters.tables import FAILURES
from tests.fakes.failures import InMemoryFailureContexts, InMemoryFailures
from tests.fakes.failures_made import AT_CAPTURE, AT_FULFIL, SEEN_AT, a_failure

if TYPE_CHECKING:
    from lambdas.domain.failure_store import FailureContexts, Failures

LATER = "2026-11-20T11:00:00.000Z"
TOLD = Paging(triggered=True, open=1, at=SEEN_AT, version=1)
PLAN = PlanId("plan_a")


@pytest.fixture(params=["table", "fake"])
def failures(request: pytest.FixtureRequest) -> Failures:
    if request.param == "fake":
        return InMemoryFailures()
    return DynamoFailures(request.getfixturevalue("dynamodb"), FAILURES)


def changed(failure: Failure, **changes: Any) -> Failure:
    """The next revision."""
    return replace(failure, revision=failure.revision + 1, **changes)


def group_of(failures: Failures, fingerprint: Fingerprint = AT_CAPTURE.fingerprint) -> FailureGroup:
    found = failures.group(fingerprint)
    assert found is not None
    return found


def test_a_failure_comes_back_as_it_was_written_and_its_group_counts_it(failures: Failures) -> None:
    failure = a_failure()
    assert failures.get(failure.failure_id) is None
    assert failures.group(failure.fingerprint) is None
    assert failures.save(None, failure)
    assert failures.get(failure.failure_id) == failure
    assert group_of(failures) == FailureGroup(
        failure.fingerprint,
        "capture:LedgerConflict",
        AT_CAPTURE.frame,
        SEEN_AT,
        SEEN_AT,
        open=1,
        total=1,
        stake={"GBP": 1_000},
        version=1,
    )
    assert list(failures.groups()) == [group_of(failures)]


def test_a_group_counts_by_currency_and_lists_the_longest_unseen_first(failures: Failures) -> None:
    made = [
        a_failure(0, seen_at=LATER),
        a_failure(1, currency="JPY", total=500),
        a_failure(2, currency=None, total=0),
        a_failure(3, context=AT_FULFIL),
    ]
    for failure in made:
        assert failures.save(None, failure)
    group = group_of(failures)
    assert (group.open, group.total, group.version) == (3, 3, 3)
    assert dict(group.stake) == {"GBP": 1_000, "JPY": 500}
    listed = list(failures.waiting_in(AT_CAPTURE.fingerprint))
    assert listed[2] == made[0]
    assert {f.failure_id for f in listed[:2]} == {f.failure_id for f in made[1:3]}
    assert list(failures.waiting_in(AT_CAPTURE.fingerprint, seen_from=LATER)) == [made[0]]
    assert {g.fingerprint for g in failures.groups()} == {AT_CAPTURE.fingerprint, AT_FULFIL.fingerprint}


@pytest.mark.parametrize("state", [s for s in FailureState if s not in WAITING])
def test_a_failure_that_stops_waiting_leaves_its_group_and_comes_back(
    failures: Failures, state: FailureState
) -> None:
    failure = a_failure()
    over = changed(failure, state=state)
    again = changed(over, state=FailureState.OPEN, letters=2, last_seen=LATER, last_message_id="other")
    assert failures.save(None, failure)
    assert failures.save(failure, over)
    group = group_of(failures)
    assert (group.open, group.total, group.version, dict(group.stake)) == (0, 1, 2, {})
    assert group.last_seen == SEEN_AT
    assert list(failures.waiting_in(failure.fingerprint)) == []
    assert failures.save(over, again)
    group = group_of(failures)
    assert (group.open, group.total, group.version, dict(group.stake)) == (1, 1, 3, {"GBP": 1_000})
    assert (group.first_seen, group.last_seen) == (SEEN_AT, LATER)


def test_a_failure_on_replay_goes_on_waiting_and_does_not_touch_its_group(failures: Failures) -> None:
    failure = a_failure()
    replaying = changed(failure, state=FailureState.REPLAYING, applies=1, plan_id=PLAN)
    assert failures.save(None, failure)
    before = group_of(failures)
    assert failures.save(failure, replaying)
    assert group_of(failures) == before
    assert list(failures.waiting_in(failure.fingerprint)) == [replaying]


def test_a_failure_that_fails_otherwise_changes_its_group(failures: Failures) -> None:
    failure = a_failure(total=700)
    otherwise = changed(failure, context=AT_FULFIL, last_seen=LATER, letters=2)
    assert failures.save(None, failure)
    assert failures.save(failure, otherwise)
    left, entered = group_of(failures), group_of(failures, AT_FULFIL.fingerprint)
    assert (left.open, left.total, dict(left.stake), left.last_seen) == (0, 1, {}, SEEN_AT)
    assert (entered.open, entered.total, dict(entered.stake)) == (1, 1, {"GBP": 700})
    assert (entered.first_seen, entered.last_seen) == (LATER, LATER)
    assert list(failures.waiting_in(AT_FULFIL.fingerprint)) == [otherwise]


def test_whoever_did_not_read_the_last_revision_writes_nothing(failures: Failures) -> None:
    failure = a_failure()
    assert failures.save(None, failure)
    assert failures.save(failure, changed(failure, letters=2))
    assert not failures.save(None, a_failure(total=5))
    assert not failures.save(failure, changed(failure, state=FailureState.RESOLVED))
    assert not failures.save(a_failure(1), changed(a_failure(1)))
    assert group_of(failures).open == 1


def test_several_are_written_together_or_not_at_all(failures: Failures) -> None:
    first, second, third = a_failure(0), a_failure(1), a_failure(2, context=AT_FULFIL)
    assert failures.save_together([(None, first), (None, second), (None, third)])
    assert group_of(failures).open == 2
    fresh, stale = a_failure(3), changed(second, letters=7)
    assert failures.save(second, changed(second, letters=2))
    assert not failures.save_together([(None, fresh), (second, stale)])
    assert failures.get(fresh.failure_id) is None
    assert group_of(failures).open == 2


def test_a_group_is_listed_until_its_incident_is_closed(failures: Failures) -> None:
    failure = a_failure()
    over = changed(failure, state=FailureState.RESOLVED)
    assert failures.save(None, failure)
    assert failures.save_paging(group_of(failures), TOLD)
    assert failures.save(failure, over)
    assert [group.paging for group in failures.groups()] == [TOLD]
    told = Paging(at=LATER, version=2)
    assert failures.save_paging(group_of(failures), told)
    assert list(failures.groups()) == []
    assert [group.paging for group in failures.groups(closed=True)] == [told]
    assert failures.save(over, changed(over, state=FailureState.OPEN))
    assert [group.open for group in failures.groups()] == [1]


def test_a_group_with_a_failure_stays_listed_though_its_incident_was_just_closed(failures: Failures) -> None:
    assert failures.save(None, a_failure())
    read = group_of(failures)
    assert failures.save(None, a_failure(1))
    assert failures.save_paging(read, Paging(at=LATER, version=1))
    assert [group.open for group in failures.groups()] == [2]


def test_what_pagerduty_was_told_is_written_over_what_was_read_alone(failures: Failures) -> None:
    assert failures.save(None, a_failure())
    read = group_of(failures)
    assert failures.save_paging(read, TOLD)
    assert not failures.save_paging(read, replace(TOLD, open=7))
    assert group_of(failures).paging == TOLD
    assert failures.save_paging(group_of(failures), replace(TOLD, open=7, at=LATER))


@pytest.fixture(params=["table", "fake"])
def contexts(request: pytest.FixtureRequest) -> FailureContexts:
    if request.param == "fake":
        return InMemoryFailureContexts()
    return DynamoFailureContexts(request.getfixturevalue("dynamodb"), FAILURES, now=lambda: 1_000.0)


def test_a_context_is_found_by_its_message_and_is_no_failure(
    contexts: FailureContexts, failures: Failures
) -> None:
    failure_id = a_failure().failure_id
    assert contexts.find(failure_id, "message-1") is None
    contexts.keep(failure_id, "message-1", AT_CAPTURE)
    contexts.keep(failure_id, "message-1", AT_FULFIL)
    assert contexts.find(failure_id, "message-1") == AT_FULFIL
    assert contexts.find(failure_id, "message-2") is None
    assert failures.get(failure_id) is None


def test_contexts_and_marks_expire(dynamodb: Any) -> None:
    failure_id = a_failure().failure_id
    contexts = DynamoFailureContexts(dynamodb, FAILURES, now=lambda: 1_000.7)
    contexts.keep(failure_id, "message-1", AT_CAPTURE)
    assert not contexts.has_come_through(failure_id, PLAN)
    contexts.came_through(failure_id, PLAN, LATER)
    assert contexts.has_come_through(failure_id, PLAN)
    assert not contexts.has_come_through(failure_id, PlanId("plan_b"))
    items = dynamodb.scan(TableName=FAILURES)["Items"]
    assert [item["expires_at"]["N"] for item in items] == [str(1_000 + KEPT_SECONDS)] * 2


def test_conflicts_at_a_group_are_tried_again_after_a_growing_random_pause(dynamodb: Any) -> None:
    """No local engine produces TransactionConflict, so it is injected."""
    conflict = cancelled("None", "TransactionConflict")
    client = RecordingClient(dynamodb, before=lambda _name, number: conflict if number <= 7 else None)
    pauses: list[float] = []
    assert DynamoFailures(client, FAILURES, pause=pauses.append).save(None, a_failure())
    assert len(pauses) == 7
    assert all(0 <= pause <= 0.03 * 2**n for n, pause in enumerate(pauses))


def test_conflicts_that_do_not_end_are_an_unavailable_store(dynamodb: Any) -> None:
    client = RecordingClient(dynamodb, before=lambda _name, _number: cancelled("None", "TransactionConflict"))
    failures = DynamoFailures(client, FAILURES, pause=lambda _seconds: None)
    with pytest.raises(StoreUnavailable):
        failures.save(None, a_failure())
    assert DynamoFailures(dynamodb, FAILURES).get(a_failure().failure_id) is None


def test_a_lost_answer_is_recognised_by_what_is_stored(dynamodb: Any) -> None:
    failures = DynamoFailures(dynamodb, FAILURES)
    changes = [(None, a_failure(0)), (None, a_failure(1))]
    assert failures.save_together(changes)
    assert failures.save_together(changes)
    assert group_of(failures).open == 2


def test_a_throttled_table_is_an_unavailable_store(dynamodb: Any) -> None:
    error = client_error("TransactWriteItems", "ThrottlingException")
    client = RecordingClient(dynamodb, before=lambda _name, _number: error)
    with pytest.raises(StoreUnavailable):
        DynamoFailures(client, FAILURES).save(None, a_failure())


def test_more_than_a_transaction_takes_is_refused_before_it_is_tried(dynamodb: Any) -> None:
    changes = [(None, a_failure(n)) for n in range(MOST_TOGETHER + 1)]
    with pytest.raises(ValueError, match="at most"):
        DynamoFailures(dynamodb, FAILURES).save_together(changes)


def test_a_long_group_is_read_page_by_page(dynamodb: Any) -> None:
    failures = DynamoFailures(dynamodb, FAILURES)
    filler = "x" * 30_000
    made = [replace(a_failure(n), body=filler) for n in range(60)]
    for start in range(0, 60, MOST_TOGETHER):
        assert failures.save_together([(None, failure) for failure in made[start : start + MOST_TOGETHER]])
    client = RecordingClient(dynamodb)
    reader = DynamoFailures(client, FAILURES)
    assert len(list(reader.waiting_in(AT_CAPTURE.fingerprint))) == 60
    assert client.count("query") > 1
