"""An operator gives an order up: what may come of it, and that it can be asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import QueueUnavailable
from lambdas.domain.failure import FailureState
from lambdas.domain.operation import OperationKind
from lambdas.domain.order import PaymentStatus, Status
from lambdas.domain.transitions import completed, needs_attention, rejected
from orders.dlq.abandoning import PATIENCE_SECONDS, UNDER_WAY, Abandoning
from orders.dlq.refusals import DlqRefused
from tests.fakes.faults import nothing_happened
from tests.unit.dlq.world import WHY, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order


def ends_as_wished(order: Order, at: str) -> Order:
    return rejected(order, at, str(order.stop_reason), payment=PaymentStatus.VOIDED)


def waits_again(order: Order, at: str) -> Order:
    return needs_attention(order, at, "release:WarehouseUnavailable")


class Stage:
    """A world with one failed order, which changes when its message is received."""

    def __init__(self, change: Callable[[Order, str], Order] | None) -> None:
        self.world = World()
        failure = self.world.die(1)
        assert failure.order_id
        self.failure_id = failure.failure_id
        self.order_id: OrderId = failure.order_id
        self.change = change

    def abandon(self) -> Order:
        """Give it up."""
        world = self.world
        return Abandoning(world.desk(), WHY, sleep=self.sleep, seconds=world.seconds)(self.order_id)

    def sleep(self, seconds: float) -> None:
        """Let time pass, and after a second the message come."""
        world = self.world
        world.clock.advance(seconds)
        if self.change and len(world.queue.sent) == 1 and world.seconds() % 1 < seconds:
            head = world.orders.heads[self.order_id]
            world.orders.heads[self.order_id] = self.change(head, world.clock.text)
            self.change = None

    def results(self) -> list[str | None]:
        """What the history has of it."""
        return [o.result for o in self.world.history.of(self.order_id) if o.kind is OperationKind.ABANDON]

    @property
    def state(self) -> FailureState:
        """Where its failure stands."""
        return self.world.failures.records[self.failure_id].state


def test_it_is_rejected_and_its_failure_is_over() -> None:
    stage = Stage(ends_as_wished)
    order = stage.abandon()
    assert (order.status, order.reason) == (Status.REJECTED, "abandoned_by_operator")
    assert (stage.results(), stage.state) == ([None, "rejected"], FailureState.RESOLVED)
    assert len(stage.world.queue.sent) == 1


@pytest.mark.parametrize(
    ("change", "result", "state"),
    [
        (completed, "completed", FailureState.RESOLVED),
        (waits_again, "attention_required", FailureState.OPEN),
        (None, UNDER_WAY, FailureState.OPEN),
    ],
    ids=["too late", "no program can end it", "nobody received it"],
)
def test_it_tells_what_became_of_it_instead(
    change: Callable[[Order, str], Order] | None, result: str, state: FailureState
) -> None:
    stage = Stage(change)
    began = stage.world.seconds()
    order = stage.abandon()
    assert (stage.results(), stage.state) == ([None, result], state)
    assert order == stage.world.orders.heads[stage.order_id]
    assert stage.world.seconds() - began < PATIENCE_SECONDS + 1


def test_when_its_message_cannot_be_sent_the_same_again_goes_on() -> None:
    stage = Stage(ends_as_wished)
    stage.world.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    with pytest.raises(QueueUnavailable):
        stage.abandon()
    assert stage.world.orders.heads[stage.order_id].abandoned
    assert stage.abandon().status is Status.REJECTED
    events = [event.name for event in stage.world.orders.heads[stage.order_id].timeline]
    assert events.count("abandoned") == 1


def test_what_others_write_at_the_same_moment_is_kept() -> None:
    stage = Stage(ends_as_wished)
    orders = stage.world.orders
    head = orders.heads[stage.order_id]

    def somebody_was_first(operation: str) -> None:
        if operation == "amend":
            orders.faults.before = None
            orders.heads[stage.order_id] = needs_attention(head, stage.world.clock.text, "again")

    orders.faults.before = somebody_was_first
    assert stage.abandon().status is Status.REJECTED


def test_an_order_that_there_is_not_cannot_be_given_up() -> None:
    stage = Stage(None)
    del stage.world.orders.heads[stage.order_id]
    with pytest.raises(DlqRefused, match="there is no order"):
        stage.abandon()
    assert stage.results() == []
