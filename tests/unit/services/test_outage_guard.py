from __future__ import annotations

import pytest

from lambdas.domain.breaker import DOUBLING_SECONDS, EXECUTIONS_WATCHED, FAILURES_TO_OPEN, FIRST_SHARE, Phase
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.outage_guard import Admission, Change, OutageGuard, blames_outside
from tests.fakes.breaker import PROBE_SECONDS, InMemoryBreaker, a_guard
from tests.fakes.clock import FakeClock
from tests.fakes.faults import nothing_happened

DOWN = Execution(ExecutionState.FAILED, "authorise:ProviderUnavailable")
SOLD = Execution(ExecutionState.SUCCEEDED, output={"step": {"outcome": "completed"}})
DUPLICATE = Execution(ExecutionState.SUCCEEDED, output={"step": {"outcome": "already_ended"}})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> InMemoryBreaker:
    return InMemoryBreaker()


@pytest.fixture
def guard(clock: FakeClock, store: InMemoryBreaker) -> OutageGuard:
    return a_guard(clock, store)


def trip(guard: OutageGuard) -> Change | None:
    """Let as many executions fail as it takes; return what the last one did."""
    changes = [guard.learn(DOWN, Admission.START) for _ in range(FAILURES_TO_OPEN)]
    assert changes[:-1] == [None] * (FAILURES_TO_OPEN - 1)
    return changes[-1]


@pytest.mark.parametrize(
    ("error", "outside"),
    [
        ("authorise:ProviderUnavailable", True),
        ("capture:PaymentOutcomeUnknown", True),
        ("fulfil:WarehouseUnavailable", True),
        ("refund:States.Timeout", True),
        ("capture:Sandbox.Timedout", True),
        ("validate:States.Timeout", False),
        ("validate:StoreUnavailable", False),
        ("publish:States.TaskFailed", False),
        ("validate:OrderBusy", False),
        ("", False),
    ],
)
def test_what_the_outside_is_blamed_for(error: str, outside: bool) -> None:
    assert blames_outside(Execution(ExecutionState.FAILED, error)) is outside


def test_it_opens_once_after_enough_failures(guard: OutageGuard, store: InMemoryBreaker) -> None:
    assert trip(guard) is Change.OPENED
    assert store.breaker.phase is Phase.OPEN
    assert guard.learn(DOWN, Admission.START) is None
    assert guard.admit() is Admission.PARK


def test_single_failures_among_successes_do_not_open_it(guard: OutageGuard) -> None:
    rare = EXECUTIONS_WATCHED // (FAILURES_TO_OPEN - 1)
    for n in range(100):
        assert guard.learn(SOLD if n % (rare + 1) else DOWN, Admission.START) is None
    assert guard.admit() is Admission.START


def test_what_proves_nothing_is_not_counted(guard: OutageGuard) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        guard.learn(DOWN, Admission.START)
    for _ in range(EXECUTIONS_WATCHED):
        assert guard.learn(DUPLICATE, Admission.START) is None
        assert guard.learn(Execution(ExecutionState.UNKNOWN), Admission.START) is None
    assert guard.learn(DOWN, Admission.START) is Change.OPENED


def test_one_order_of_all_instances_probes_at_a_time(
    guard: OutageGuard, store: InMemoryBreaker, clock: FakeClock
) -> None:
    trip(guard)
    other = a_guard(clock, store)
    other.refresh()
    assert (guard.admit(), other.admit()) == (Admission.PARK, Admission.PARK)
    clock.advance(PROBE_SECONDS)
    assert (guard.admit(), other.admit(), guard.admit()) == (Admission.PROBE, Admission.PARK, Admission.PARK)
    assert guard.learn(DOWN, Admission.PROBE) is Change.PROBE_FAILED
    clock.advance(PROBE_SECONDS)
    other.refresh()
    assert other.admit() is Admission.PROBE


def test_after_a_good_probe_the_rate_grows_until_it_is_closed(guard: OutageGuard, clock: FakeClock) -> None:
    trip(guard)
    clock.advance(PROBE_SECONDS)
    guard.admit()
    assert guard.learn(SOLD, Admission.PROBE) is Change.RAMPING
    assert guard.admit() is Admission.START
    assert guard.share() == FIRST_SHARE
    clock.advance(DOUBLING_SECONDS)
    assert guard.share() == 2 * FIRST_SHARE
    assert guard.learn(SOLD, Admission.START) is None
    clock.advance(10 * DOUBLING_SECONDS)
    assert guard.share() == 1
    assert guard.learn(SOLD, Admission.START) is Change.CLOSED


@pytest.mark.parametrize("days", [1, 30, 3650])
def test_the_rate_is_the_usual_one_after_any_silence(guard: OutageGuard, clock: FakeClock, days: int) -> None:
    """The traffic ended on the way back, so that nobody closed it."""
    trip(guard)
    clock.advance(PROBE_SECONDS)
    guard.admit()
    guard.learn(SOLD, Admission.PROBE)
    clock.advance(days * 86_400)
    assert guard.share() == 1
    assert guard.learn(SOLD, Admission.START) is Change.CLOSED


def test_one_failure_on_the_way_back_opens_it_again_and_is_no_new_alarm(
    guard: OutageGuard, clock: FakeClock
) -> None:
    trip(guard)
    clock.advance(PROBE_SECONDS)
    guard.admit()
    guard.learn(SOLD, Admission.PROBE)
    assert guard.learn(DOWN, Admission.START) is Change.OPENED_AGAIN
    assert guard.admit() is Admission.PARK


@pytest.mark.parametrize(
    ("error", "change"),
    [
        ("capture:AttentionRequired", Change.RAMPING),
        ("validate:OrderCorrupt", Change.RAMPING),
        ("validate:OrderBusy", None),
        ("validate:StoreUnavailable", None),
        ("authorise:ProviderRefused", None),
        ("capture:ProviderUnavailable", Change.PROBE_FAILED),
    ],
)
def test_a_probe_that_fails_for_a_reason_of_its_own_does_not_keep_it_open(
    guard: OutageGuard, clock: FakeClock, error: str, change: Change | None
) -> None:
    trip(guard)
    clock.advance(PROBE_SECONDS)
    assert guard.admit() is Admission.PROBE
    assert guard.learn(Execution(ExecutionState.FAILED, error), Admission.PROBE) is change
    assert guard.admit() is (Admission.START if change is Change.RAMPING else Admission.PARK)


def test_only_one_instance_opens_it(guard: OutageGuard, store: InMemoryBreaker, clock: FakeClock) -> None:
    other = a_guard(clock, store)
    assert trip(guard) is Change.OPENED
    assert trip(other) is None
    other.refresh()
    assert other.admit() is Admission.PARK


def test_a_store_that_does_not_answer_lets_everything_through(
    guard: OutageGuard, store: InMemoryBreaker
) -> None:
    trip(guard)
    store.faults.plan("read", nothing_happened(StoreUnavailable("throttled")))
    guard.refresh()
    assert guard.admit() is Admission.START
    guard.refresh()
    assert guard.admit() is Admission.PARK
