"""What dispatch makes of the messages of cancellations and refunds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.order import RefundSums, Status
from lambdas.domain.refund import RefundStatus
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.dispatch_batch import Decision, DispatchBatch, Dispatched, Message
from lambdas.services.pacing import Pacer
from tests.fakes.breaker import a_guard
from tests.fakes.executions import SUCCEEDED, Run, ScriptedWorkflow
from tests.fakes.faults import nothing_happened
from tests.fakes.refunding import sold, stored
from tests.fakes.remembering import Remembered

if TYPE_CHECKING:
    from tests.fakes.pipeline import Pipeline

MAX_RECEIVES = 4
FAILED = Execution(ExecutionState.FAILED, "refund:LedgerConflict", "{}")
TIMED_OUT = Execution(ExecutionState.TIMED_OUT)
UNKNOWN = Execution(ExecutionState.UNKNOWN, "ReadTimeoutError")
NOT_STARTED = Execution(ExecutionState.NOT_STARTED, "ThrottlingException")
BUSY = Execution(ExecutionState.FAILED, "claim:OrderBusy")
LOST = Execution(ExecutionState.FAILED, "claim:OrderNotFound")


class Desk:
    """A dispatcher over a workflow that claims the order for the refund, then ends as scripted."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Sell an order, ask for a refund of it, and put the dispatcher together."""
        self.pipeline = pipeline
        self.order_id = sold(pipeline)
        self.refund_id = pipeline.ask_refund(self.order_id, amount=500)
        pipeline.queue.sent.clear()
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
            (30, 120, 600),
            self.remembered.service(pipeline.clock),
        )

    def _claim(self, run: Run) -> None:
        if self.workflow.ends.get(self.order_id) not in (BUSY, LOST, NOT_STARTED):
            self.pipeline.claim_refund(self.order_id, RefundId(str(run.command["refund_id"])), run.name)

    def receive(self, end: Execution, receives: int = 1) -> Dispatched:
        """Dispatch the refund's message, whose execution ends so."""
        self.workflow.ends[self.order_id] = end
        body = {"command": "refund", "order_id": self.order_id, "refund_id": self.refund_id}
        return self.send(body, receives)

    def send(self, body: dict[str, Any], receives: int = 1) -> Dispatched:
        """Dispatch any message."""
        (result,) = self.dispatch([Message("m", "r", json.dumps(body), receives, "group-1")])
        return result


@pytest.fixture
def desk(pipeline: Pipeline) -> Desk:
    """A dispatcher with a refund's message."""
    return Desk(pipeline)


def assert_waits(desk: Desk, failure: str) -> None:
    """The refund waits for an operator; the order is sold and free for others."""
    refund = stored(desk.pipeline, desk.refund_id)
    assert (refund.status, refund.failure) == (RefundStatus.ATTENTION_REQUIRED, failure)
    head = desk.pipeline.head(desk.order_id)
    assert (head.status, head.reason, head.claim) == (Status.COMPLETED, None, None)
    assert head.refunds == RefundSums(reserved=500, unfinished=1)
    assert head.open


def test_the_workflow_hears_of_the_order_and_the_refund(desk: Desk) -> None:
    assert desk.receive(SUCCEEDED).decision is Decision.DONE
    (run,) = desk.workflow.runs
    command = {"command": "refund", "order_id": desk.order_id, "refund_id": desk.refund_id}
    assert run.command == command
    assert run.name.startswith(desk.order_id)
    assert len(run.name) <= 80


@pytest.mark.parametrize("end", [FAILED, TIMED_OUT])
def test_a_failed_execution_gives_the_order_back_and_its_refund_comes_later(
    desk: Desk, end: Execution
) -> None:
    assert desk.receive(end).decision is Decision.LATER
    assert stored(desk.pipeline, desk.refund_id).status is RefundStatus.REQUESTED
    assert desk.pipeline.head(desk.order_id).claim is None
    assert 15 <= desk.pipeline.queue.delays["r"] <= 30


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        (FAILED, "refund:LedgerConflict"),
        (TIMED_OUT, "TIMED_OUT"),
        (NOT_STARTED, "ThrottlingException"),
    ],
)
def test_after_its_last_receive_the_refund_waits_for_an_operator_and_not_the_order(
    desk: Desk, end: Execution, failure: str
) -> None:
    desk.pipeline.clock.advance(60)
    result = desk.receive(end, MAX_RECEIVES)
    assert (result.decision, result.keep) == (Decision.DEAD, True)
    assert_waits(desk, failure)
    assert stored(desk.pipeline, desk.refund_id).updated_at == desk.pipeline.clock.text
    assert desk.pipeline.queue.delays == {"r": 0}


def test_a_refund_that_is_decided_is_not_set_aside(desk: Desk) -> None:
    """Its goods could not be put back, but its money is back."""

    def pay_back(run: Run) -> None:
        refund_id = RefundId(str(run.command["refund_id"]))
        desk.pipeline.claim_refund(desk.order_id, refund_id, run.name)
        desk.pipeline.refund(desk.order_id, refund_id, run.name)

    desk.refund_id = desk.pipeline.ask_refund(desk.order_id, "second", restock=True)
    desk.workflow.before = pay_back
    failed = Execution(ExecutionState.FAILED, "restock:StockContention")
    assert desk.receive(failed, MAX_RECEIVES).decision is Decision.DEAD
    refund = stored(desk.pipeline, desk.refund_id)
    assert (refund.status, refund.restocked, refund.failure) == (RefundStatus.SUCCEEDED, False, None)
    head = desk.pipeline.head(desk.order_id)
    assert (head.claim, head.open, head.status) == (None, True, Status.COMPLETED)


def test_a_refund_whose_execution_may_still_run_is_left_alone(desk: Desk) -> None:
    result = desk.receive(UNKNOWN, MAX_RECEIVES)
    assert result.decision is Decision.DEAD
    assert desk.pipeline.head(desk.order_id).claim is not None
    assert stored(desk.pipeline, desk.refund_id).status is RefundStatus.REQUESTED


def test_a_refund_does_not_die_of_another_one_holding_its_order(desk: Desk) -> None:
    desk.pipeline.claim_refund(desk.order_id, desk.refund_id, "another")
    result = desk.receive(BUSY, MAX_RECEIVES)
    assert (result.decision, result.keep) == (Decision.RESENT, False)
    (sent,) = desk.pipeline.queue.sent
    assert json.loads(sent.body)["refund_id"] == desk.refund_id
    assert stored(desk.pipeline, desk.refund_id).status is RefundStatus.REQUESTED
    assert desk.pipeline.head(desk.order_id).claim == "another"


def test_a_busy_refund_that_cannot_be_sent_again_is_kept(desk: Desk) -> None:
    desk.pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    assert desk.receive(BUSY, MAX_RECEIVES).keep
    assert stored(desk.pipeline, desk.refund_id).status is RefundStatus.REQUESTED


def test_a_refund_that_nobody_asked_for_is_dead_at_once_and_changes_nothing(desk: Desk) -> None:
    before = desk.pipeline.head(desk.order_id)
    desk.workflow.ends[desk.order_id] = LOST
    unknown = {"command": "refund", "order_id": desk.order_id, "refund_id": "ref_" + "a" * 26}
    assert desk.send(unknown).decision is Decision.DEAD
    assert desk.send(unknown, MAX_RECEIVES).decision is Decision.DEAD
    assert desk.pipeline.head(desk.order_id) == before
    assert len(desk.pipeline.refunds.stored) == 1
    assert desk.pipeline.queue.delays == {"r": 0}


def test_a_refund_that_could_not_be_set_aside_keeps_its_claim_until_it_runs_out(desk: Desk) -> None:
    desk.pipeline.refunds.faults.plan("set_refund_aside", nothing_happened(StoreUnavailable("down")))
    assert desk.receive(FAILED, MAX_RECEIVES).decision is Decision.DEAD
    assert stored(desk.pipeline, desk.refund_id).status is RefundStatus.REQUESTED


def test_an_order_that_could_not_be_given_back_has_its_refund_aside_all_the_same(desk: Desk) -> None:
    desk.pipeline.orders.faults.plan("give_back", nothing_happened(StoreUnavailable("down")))
    assert desk.receive(FAILED, MAX_RECEIVES).decision is Decision.DEAD
    assert stored(desk.pipeline, desk.refund_id).status is RefundStatus.ATTENTION_REQUIRED


@pytest.mark.parametrize("command", ["process", "cancel"])
def test_a_failed_cancellation_leaves_the_order_to_an_operator_as_any_failed_order(
    desk: Desk, command: str
) -> None:
    order_id = desk.pipeline.accept("another")
    desk.pipeline.cancel(order_id)
    desk.workflow.before = lambda run: desk.pipeline.validate(OrderId(order_id), run.name)
    desk.workflow.ends[order_id] = Execution(ExecutionState.FAILED, "release:OrderCorrupt")
    result = desk.send({"command": command, "order_id": order_id}, MAX_RECEIVES)
    assert result.decision is Decision.DEAD
    head = desk.pipeline.head(order_id)
    assert (head.status, head.reason) == (Status.ATTENTION_REQUIRED, "release:OrderCorrupt")
    assert head.cancellation


@pytest.mark.parametrize(
    "body",
    [
        {"command": "refund", "order_id": "ord_" + "a" * 26},
        {"command": "refund", "order_id": "ord_" + "a" * 26, "refund_id": "ord_" + "a" * 26},
        {"command": "refund", "refund_id": "ref_" + "a" * 26},
    ],
    ids=["no refund", "no refund's id", "no order"],
)
def test_half_a_refund_is_unreadable_and_starts_nothing(desk: Desk, body: dict[str, Any]) -> None:
    result = desk.send(body)
    assert (result.decision, result.keep) == (Decision.UNREADABLE, True)
    assert not desk.workflow.runs
