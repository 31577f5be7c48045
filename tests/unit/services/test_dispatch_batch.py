from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.commands import read_command
from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import OrderId
from lambdas.domain.order import Status
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.dispatch_batch import Decision, DispatchBatch, Dispatched, Message
from lambdas.services.pacing import Pacer
from tests.fakes.breaker import a_guard
from tests.fakes.executions import Run, ScriptedWorkflow
from tests.fakes.faults import nothing_happened
from tests.fakes.remembering import Remembered

if TYPE_CHECKING:
    from tests.fakes.pipeline import Pipeline

MAX_RECEIVES = 4
DELAYS = (30, 120, 600)
FAILED = Execution(ExecutionState.FAILED, "capture:LedgerConflict", "{}")
TIMED_OUT = Execution(ExecutionState.TIMED_OUT)
UNKNOWN = Execution(ExecutionState.UNKNOWN, "ReadTimeoutError")
NOT_STARTED = Execution(ExecutionState.NOT_STARTED, "ThrottlingException")
BUSY = Execution(ExecutionState.FAILED, "validate:OrderBusy")
LOST = Execution(ExecutionState.FAILED, "validate:OrderNotFound")


class Desk:
    """A dispatcher over a workflow that claims each order as its first step does, then ends as scripted."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Put the dispatcher together."""
        self.pipeline = pipeline
        self.workflow = ScriptedWorkflow(before=self._claim)
        self.remembered = Remembered()
        self.dispatch = DispatchBatch(
            self.workflow,
            pipeline.orders,
            pipeline.refunds,
            pipeline.queue,
            a_guard(pipeline.clock),
            Pacer(1_000_000, sleep=lambda _seconds: None),
            pipeline.clock,
            MAX_RECEIVES,
            DELAYS,
            self.remembered.service(pipeline.clock),
        )

    def _claim(self, run: Run) -> None:
        order_id = OrderId(str(run.command["order_id"]))
        end = self.workflow.ends.get(order_id)
        if end not in (BUSY, LOST, NOT_STARTED) and order_id in self.pipeline.orders.heads:
            self.pipeline.validate(order_id, run.name)

    def accept(self, end: Execution | None = None, key: str = "key-1") -> OrderId:
        """Accept an order whose executions will end so."""
        order_id = self.pipeline.accept(key)
        self.pipeline.queue.sent.clear()
        if end:
            self.workflow.ends[order_id] = end
        return order_id

    def receive(self, order_id: str, receives: int = 1) -> Dispatched:
        """Dispatch one message."""
        (result,) = self.dispatch([message_of(order_id, receives)])
        return result


def message_of(order_id: str, receives: int = 1) -> Message:
    """A message as the queue delivers it."""
    body = f'{{"command":"process","order_id":"{order_id}"}}'
    return Message(f"m-{order_id}", f"r-{order_id}", body, receives, "group-1")


@pytest.fixture
def desk(pipeline: Pipeline) -> Desk:
    """A dispatcher."""
    return Desk(pipeline)


def test_only_a_succeeded_execution_deletes_its_message(desk: Desk) -> None:
    order_id = desk.accept()
    result = desk.receive(order_id)
    assert (result.decision, result.keep) == (Decision.DONE, False)
    assert not desk.pipeline.queue.delays


def test_a_batch_reports_exactly_the_messages_that_failed(desk: Desk) -> None:
    good, bad, other = (desk.accept(key=k) for k in "abc")
    desk.workflow.ends[bad] = FAILED
    results = desk.dispatch([message_of(i) for i in (good, bad, other)])
    assert [(r.message.message_id, r.keep) for r in results] == [
        (f"m-{good}", False),
        (f"m-{bad}", True),
        (f"m-{other}", False),
    ]


def test_an_empty_batch_is_no_error(desk: Desk) -> None:
    assert desk.dispatch([]) == []


def test_the_executions_of_a_batch_run_at_the_same_time(desk: Desk) -> None:
    together = threading.Barrier(3, timeout=5)
    desk.workflow.before = lambda _run: together.wait()
    ids = [desk.accept(key=k) for k in "abc"]
    assert all(r.decision is Decision.DONE for r in desk.dispatch([message_of(i) for i in ids]))


def test_the_workflow_hears_the_command_and_nothing_of_the_message(desk: Desk) -> None:
    order_id = desk.accept()
    desk.receive(order_id, 1)
    desk.pipeline.clock.advance(1_000)
    desk.receive(order_id, 2)
    commands = [run.command for run in desk.workflow.runs]
    assert commands == [
        {"command": "process", "order_id": order_id},
        {"command": "process", "order_id": order_id},
    ]


def test_every_execution_has_its_own_name_that_step_functions_accepts(desk: Desk) -> None:
    order_id = desk.accept()
    desk.receive(order_id)
    desk.pipeline.clock.advance(1_000)
    desk.receive(order_id)
    names = [run.name for run in desk.workflow.runs]
    assert len(set(names)) == 2
    assert all(name.startswith(order_id) and len(name) <= 80 for name in names)


def test_a_result_tells_whose_execution_it_was_when_and_how_long(desk: Desk) -> None:
    order_id = desk.accept()
    began = desk.pipeline.clock.text
    desk.workflow.before = lambda _run: desk.pipeline.clock.advance(1.25)
    result = desk.receive(order_id)
    (run,) = desk.workflow.runs
    assert (result.order_id, result.claim) == (order_id, run.name)
    assert (result.began_at, result.duration_ms) == (began, 1_250)


def test_what_breaks_in_dispatch_itself_keeps_the_message_and_says_whose_it_was(desk: Desk) -> None:
    def breaks(_run: Run) -> None:
        raise ZeroDivisionError

    order_id = desk.accept()
    desk.workflow.before = breaks
    result = desk.receive(order_id)
    (run,) = desk.workflow.runs
    assert (result.decision, result.keep) == (Decision.LATER, True)
    assert (result.order_id, result.claim) == (order_id, run.name)
    assert isinstance(result.fault, ZeroDivisionError)


@pytest.mark.parametrize("end", [FAILED, TIMED_OUT])
def test_a_failed_execution_gives_the_order_back_and_comes_later(desk: Desk, end: Execution) -> None:
    order_id = desk.accept(end)
    assert desk.receive(order_id).decision is Decision.LATER
    head = desk.pipeline.head(order_id)
    assert (head.status, head.claim, head.reason) == (Status.PROCESSING, None, None)


@pytest.mark.parametrize(("end", "reason"), [(FAILED, "capture:LedgerConflict"), (TIMED_OUT, "TIMED_OUT")])
def test_after_its_last_receive_the_order_waits_for_an_operator(
    desk: Desk, end: Execution, reason: str
) -> None:
    order_id = desk.accept(end)
    result = desk.receive(order_id, MAX_RECEIVES)
    assert (result.decision, result.keep) == (Decision.DEAD, True)
    head = desk.pipeline.head(order_id)
    assert (head.status, head.reason, head.claim) == (Status.ATTENTION_REQUIRED, reason, None)
    assert desk.pipeline.queue.delays == {f"r-{order_id}": 0}


def test_an_execution_that_may_still_run_keeps_its_claim_and_its_visibility(desk: Desk) -> None:
    order_id = desk.accept(UNKNOWN)
    assert desk.receive(order_id).decision is Decision.LATER
    assert desk.pipeline.head(order_id).claim is not None
    assert not desk.pipeline.queue.delays
    desk.pipeline.clock.advance(1_000)
    assert desk.receive(order_id, MAX_RECEIVES).decision is Decision.DEAD
    assert desk.pipeline.head(order_id).claim is not None


def test_an_order_whose_execution_never_started_is_left_alone_until_its_message_dies(desk: Desk) -> None:
    order_id = desk.accept(NOT_STARTED)
    before = desk.pipeline.head(order_id)
    assert desk.receive(order_id).decision is Decision.LATER
    assert desk.pipeline.head(order_id) == before
    assert desk.receive(order_id, MAX_RECEIVES).decision is Decision.DEAD
    head = desk.pipeline.head(order_id)
    assert (head.status, head.reason, head.claim) == (Status.ATTENTION_REQUIRED, NOT_STARTED.error, None)


@pytest.mark.parametrize("receives", [1, 2, 3])
def test_a_message_comes_back_after_its_delay_with_bounded_jitter(desk: Desk, receives: int) -> None:
    longest = DELAYS[receives - 1]
    seen = set()
    for n in range(40):
        order_id = desk.accept(FAILED, key=f"k{n}")
        desk.receive(order_id, receives)
        seen.add(desk.pipeline.queue.delays[f"r-{order_id}"])
    assert all(longest / 2 <= s <= longest for s in seen)
    assert len(seen) > 5


def test_receives_beyond_the_listed_delays_take_the_last_one(desk: Desk) -> None:
    patient = DispatchBatch(
        desk.workflow,
        desk.pipeline.orders,
        desk.pipeline.refunds,
        desk.pipeline.queue,
        desk.dispatch.guard,
        desk.dispatch.pacer,
        desk.pipeline.clock,
        max_receives=10,
        delays=(2, 10),
        remember=desk.dispatch.remember,
    )
    order_id = desk.accept(FAILED)
    patient([message_of(order_id, 7)])
    assert 5 <= desk.pipeline.queue.delays[f"r-{order_id}"] <= 10


def test_a_busy_order_comes_later_like_any_failure(desk: Desk) -> None:
    order_id = desk.accept(BUSY)
    assert desk.receive(order_id).decision is Decision.LATER
    assert not desk.pipeline.queue.sent


def test_a_message_does_not_die_of_another_execution_holding_its_order(desk: Desk) -> None:
    order_id = desk.accept(BUSY)
    result = desk.receive(order_id, MAX_RECEIVES)
    assert (result.decision, result.keep) == (Decision.RESENT, False)
    (sent,) = desk.pipeline.queue.sent
    assert sent.body == message_of(order_id).body
    assert sent.group == "group-1"
    assert DELAYS[0] / 2 <= sent.delay_seconds <= DELAYS[0]
    assert desk.pipeline.head(order_id).status is Status.ACCEPTED


def test_a_busy_message_that_cannot_be_sent_again_is_kept(desk: Desk) -> None:
    order_id = desk.accept(BUSY)
    desk.pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    result = desk.receive(order_id, MAX_RECEIVES)
    assert (result.decision, result.keep) == (Decision.DEAD, True)


def test_an_execution_that_ended_busy_under_its_own_claim_gives_it_back(desk: Desk) -> None:
    # The lock of the authorisation is busy too: that execution has claimed the order before.
    order_id = desk.accept(Execution(ExecutionState.FAILED, "authorise:OrderBusy"))
    assert desk.receive(order_id, MAX_RECEIVES).decision is Decision.RESENT
    assert desk.pipeline.head(order_id).claim is None


def test_what_no_later_delivery_can_mend_goes_to_the_dead_letters_at_once(desk: Desk) -> None:
    order_id = desk.accept(LOST)
    result = desk.receive(order_id, 1)
    assert (result.decision, result.keep) == (Decision.DEAD, True)
    assert desk.pipeline.queue.delays == {f"r-{order_id}": 0}


def test_an_unreadable_message_is_kept_and_starts_nothing(desk: Desk) -> None:
    (result,) = desk.dispatch([Message("m", "r", "hello", 1)])
    assert (result.decision, result.keep, result.order_id) == (Decision.UNREADABLE, True, None)
    assert desk.pipeline.queue.delays == {"r": 0}
    assert not desk.workflow.runs


def test_a_claim_that_could_not_be_given_back_runs_out_by_itself(desk: Desk) -> None:
    order_id = desk.accept(FAILED)
    desk.pipeline.orders.faults.plan("give_back", nothing_happened(StoreUnavailable("down")))
    assert desk.receive(order_id).decision is Decision.LATER
    assert desk.pipeline.head(order_id).claim is not None


def test_a_delay_that_could_not_be_set_leaves_the_queues_own(desk: Desk) -> None:
    order_id = desk.accept(FAILED)
    desk.pipeline.queue.faults.plan("delay", nothing_happened(QueueUnavailable("down")))
    result = desk.receive(order_id)
    assert (result.decision, result.keep) == (Decision.LATER, True)


def test_a_late_failure_does_not_take_the_order_from_whoever_holds_it_now(desk: Desk) -> None:
    order_id = desk.accept(FAILED)
    desk.workflow.before = lambda _run: desk.pipeline.validate(order_id, "somebody else")
    desk.receive(order_id, MAX_RECEIVES)
    head = desk.pipeline.head(order_id)
    assert (head.status, head.claim) == (Status.PROCESSING, "somebody else")


def test_every_start_waits_for_its_turn(desk: Desk) -> None:
    waits: list[float] = []
    paced = DispatchBatch(
        desk.workflow,
        desk.pipeline.orders,
        desk.pipeline.refunds,
        desk.pipeline.queue,
        desk.dispatch.guard,
        Pacer(2.0, now=lambda: 0.0, sleep=waits.append),
        desk.pipeline.clock,
        MAX_RECEIVES,
        DELAYS,
        desk.dispatch.remember,
    )
    paced([message_of(desk.accept(key=k)) for k in "abc"])
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '"process"',
        '{"command":"process"}',
        '{"command":"process","order_id":7}',
        '{"command":"process","order_id":"ord_x"}',
        '{"command":"drop","order_id":"ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"}',
        '{"command":["process"],"order_id":"ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"}',
        '{"command":{},"order_id":"ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"}',
        "9" * 5_000,
        "[" * 100_000,
        "\ud800",
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_command_is_unreadable(body: str) -> None:
    assert read_command(body) is None


def test_a_command_brings_nothing_else_into_the_workflow() -> None:
    order_id = "ord_" + "a" * 26
    body = f'{{"command":"process","order_id":"{order_id}","admin":true}}'
    assert read_command(body) == {"command": "process", "order_id": order_id}


@pytest.mark.parametrize(
    ("execution", "step", "error_class"),
    [
        (FAILED, "capture", "LedgerConflict"),
        (TIMED_OUT, "workflow", "TIMED_OUT"),
        (NOT_STARTED, "workflow", "ThrottlingException"),
        (Execution(ExecutionState.FAILED, "fulfil:Lambda.Unknown"), "fulfil", "Lambda.Unknown"),
        (Execution(ExecutionState.FAILED, "States.Runtime"), "workflow", "States.Runtime"),
    ],
)
def test_a_failure_names_its_step_and_class(execution: Execution, step: str, error_class: str) -> None:
    assert (execution.step, execution.error_class) == (step, error_class)
