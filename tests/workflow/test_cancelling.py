"""What becomes of a cancellation, by the real definition, the real services and the fakes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import (
    PaymentOutcomeUnknown,
    StockContention,
    StoreUnavailable,
    WarehouseUnavailable,
)
from lambdas.domain.order import CancellationStatus, FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.payment import IntentState
from lambdas.domain.transitions import expiry_requested
from lambdas.services.request_errors import AlreadyEnded
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.payments import DECLINED_CARD
from tests.fakes.pipeline import CLAIM_SECONDS, MUG

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId
    from tests.fakes.pipeline import Pipeline
    from tests.workflow.interpreter import Ended, Engine

DOWN = WarehouseUnavailable("timeout")


def before(engine: Engine, function: str, action: str | None, do: Callable[[], object]) -> None:
    """Do something once, right before a function is first invoked for an action."""

    def intervene(_function: str) -> None:
        name, event = engine.functions.calls[-1]
        if (name, event.get("action")) == (function, action):
            engine.functions.service.before = None
            do()

    engine.functions.service.before = intervene


def steps_of(engine: Engine) -> list[str]:
    """What the functions were invoked for, in order."""
    return [str(event.get("action") or name) for name, event in engine.functions.calls]


def assert_cancelled(engine: Engine, ended: Ended, order_id: OrderId) -> None:
    """The order has ended as its client wished: nothing held, shipped, taken or booked, and told once."""
    pipeline = engine.pipeline
    head = pipeline.head(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "cancelled"), ended
    assert (head.status, head.reason, head.claim) == (Status.CANCELLED, "customer_request", None)
    assert head.payment_status is PaymentStatus.VOIDED
    assert head.cancellation_status is CancellationStatus.DONE
    assert not pipeline.payments.states_of(order_id) & {IntentState.AUTHORIZED, IntentState.CAPTURED}
    assert pipeline.inventory.on_hand("TEA") == 100
    assert not pipeline.warehouse.shipments
    assert not pipeline.journal.entries
    assert engine.bus.types == ["order.cancelled.v1"]


def assert_sold(engine: Engine, ended: Ended, order_id: OrderId) -> None:
    """The wish came too late: the order is shipped, paid and booked once."""
    pipeline = engine.pipeline
    head = pipeline.head(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "completed"), ended
    assert (head.status, head.cancellation_status) == (Status.COMPLETED, CancellationStatus.REFUSED)
    assert pipeline.payments.captures == {order_id: 1}
    assert list(pipeline.journal.entries) == [(order_id, 1)]
    assert list(pipeline.warehouse.shipments) == [order_id]
    assert not pipeline.warehouse.cancelled
    assert engine.bus.types == ["order.completed.v1"]


@pytest.mark.parametrize("command", ["cancel", "process"])
def test_whichever_message_comes_first_cancels_an_order_that_nobody_claimed(
    engine: Engine, pipeline: Pipeline, command: str
) -> None:
    order_id = pipeline.accept()
    pipeline.cancel(order_id)
    assert_cancelled(engine, engine.run(order_id, command=command), order_id)
    assert steps_of(engine) == ["validate", "release", "reject"]
    assert not pipeline.payments.calls


def test_the_other_message_finds_the_order_ended_and_tells_the_same_event(
    engine: Engine, pipeline: Pipeline
) -> None:
    order_id = pipeline.accept()
    pipeline.cancel(order_id)
    engine.run(order_id)
    again = engine.run(order_id, command="cancel")
    assert (again.status, again.outcome) == ("SUCCEEDED", "already_ended")
    first, second = engine.bus.entries
    assert first["Detail"] == second["Detail"]


def test_a_cancel_message_of_an_order_that_has_no_wish_on_its_head_sells_it(
    engine: Engine, pipeline: Pipeline
) -> None:
    """The head decides, never the message: a forged or stray one ends nothing."""
    order_id = pipeline.accept()
    assert engine.run(order_id, command="cancel").outcome == "completed"
    assert pipeline.head(order_id).status is Status.COMPLETED


@pytest.mark.parametrize(
    ("function", "action", "steps"),
    [
        ("payment", "authorise", ["validate", "authorise", "release", "reject"]),
        ("fulfil", "fulfil", ["validate", "authorise", "fulfil", "reject"]),
    ],
)
def test_an_order_that_is_cancelled_between_two_steps_goes_no_further(
    engine: Engine, pipeline: Pipeline, function: str, action: str, steps: list[str]
) -> None:
    order_id = pipeline.accept()
    before(engine, function, action, lambda: pipeline.cancel(order_id))
    assert_cancelled(engine, engine.run(order_id), order_id)
    assert steps_of(engine) == steps


def test_an_order_that_is_cancelled_before_its_capture_is_sold(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    before(engine, "payment", "capture", lambda: pipeline.cancel(order_id))
    assert_sold(engine, engine.run(order_id), order_id)


@pytest.mark.parametrize("heard", [nothing_happened, answer_lost])
def test_an_order_that_is_cancelled_while_it_is_shipped_is_what_the_warehouse_says(
    engine: Engine, pipeline: Pipeline, heard: Callable[[Exception], object]
) -> None:
    """The shipment failed before anybody took it, or was taken and nobody heard of it."""
    order_id = pipeline.accept()

    def cancel(operation: str) -> None:
        if operation == "ship":
            pipeline.warehouse.faults.before = None
            pipeline.cancel(order_id)

    pipeline.warehouse.faults.before = cancel
    pipeline.warehouse.faults.plan("ship", heard(DOWN))  # type: ignore[arg-type] # a Fault
    ended = engine.run(order_id)
    if heard is nothing_happened:
        assert_cancelled(engine, ended, order_id)
        assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.RELEASED
        assert pipeline.warehouse.cancelled == {order_id}
    else:
        assert_sold(engine, ended, order_id)


@pytest.mark.parametrize("shipped", [False, True])
def test_a_cancelled_order_whose_goods_are_held_waits_for_the_warehouse_to_be_there(
    engine: Engine, pipeline: Pipeline, shipped: bool
) -> None:
    order_id = pipeline.accept()
    fault = answer_lost(DOWN) if shipped else nothing_happened(DOWN)
    pipeline.warehouse.faults.plan("ship", fault, *[nothing_happened(DOWN)] * 2)
    first = engine.run(order_id)
    assert first.error == "fulfil:WarehouseUnavailable"
    pipeline.orders.give_back(order_id, first.name, pipeline.clock.text, None)
    pipeline.cancel(order_id)
    pipeline.warehouse.faults.plan("cancel", *[nothing_happened(DOWN)] * 3)
    second = engine.run(order_id, command="cancel")
    assert second.error == "release:WarehouseUnavailable"
    assert pipeline.inventory.on_hand("TEA") == 99
    pipeline.orders.give_back(order_id, second.name, pipeline.clock.text, second.error)
    third = engine.run(order_id, command="cancel")
    (assert_sold if shipped else assert_cancelled)(engine, third, order_id)
    assert engine.functions.count("payment", "authorise") == 1


def test_a_declined_card_comes_before_a_wish_that_came_after_it(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(card=DECLINED_CARD)
    assert engine.run(order_id).outcome == "rejected"
    with pytest.raises(AlreadyEnded):
        pipeline.cancel(order_id)


def test_a_declined_card_and_a_wish_at_once_end_the_order_once(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(card=DECLINED_CARD)

    def cancel(operation: str) -> None:
        if operation == "confirm":
            pipeline.payments.faults.before = None
            pipeline.cancel(order_id)

    pipeline.payments.faults.before = cancel
    assert_cancelled(engine, engine.run(order_id), order_id)


def test_a_wish_while_an_order_is_rejected_is_refused(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(MUG=6)
    before(engine, "payment", "reject", lambda: pipeline.cancel(order_id))
    assert engine.run(order_id).outcome == "rejected"
    head = pipeline.head(order_id)
    assert (head.reason, head.cancellation_status) == ("out_of_stock", CancellationStatus.REFUSED)
    assert engine.bus.types == ["order.rejected.v1"]


@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("warehouse", "cancel", DOWN),
        ("inventory", "release", StoreUnavailable("timeout")),
        ("inventory", "release", StockContention("hot")),
        ("payments", "void", PaymentOutcomeUnknown("timeout")),
        ("orders", "save", StoreUnavailable("timeout")),
    ],
)
@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_what_fails_while_an_order_turns_back_is_mended_by_the_retries(
    engine: Engine,
    pipeline: Pipeline,
    fake: str,
    operation: str,
    error: Exception,
    fault: Callable[[Exception], object],
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("fulfil", order_id, "earlier")
    pipeline.warehouse.faults.plan("ship", nothing_happened(DOWN))
    with pytest.raises(WarehouseUnavailable):
        pipeline.step("fulfil", order_id, "earlier")
    pipeline.orders.give_back(order_id, "earlier", pipeline.clock.text, None)
    pipeline.cancel(order_id)
    getattr(pipeline, fake).faults.plan(operation, fault(error))
    assert_cancelled(engine, engine.run(order_id, command="cancel"), order_id)


def test_a_payment_that_is_about_to_expire_ends_the_order_as_rejected(
    engine: Engine, pipeline: Pipeline
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("fulfil", order_id, "earlier")
    pipeline.orders.give_back(order_id, "earlier", pipeline.clock.text, "fulfil:WarehouseUnavailable")
    assert pipeline.orders.amend(expiry_requested(pipeline.head(order_id), pipeline.clock.text))
    assert engine.run(order_id).outcome == "rejected"
    head = pipeline.head(order_id)
    assert (head.reason, head.payment_status) == ("authorization_expiring", PaymentStatus.VOIDED)
    assert engine.bus.types == ["order.rejected.v1"]


def test_an_order_that_another_execution_ended_before_its_release_is_told_as_it_ended(
    engine: Engine, pipeline: Pipeline
) -> None:
    order_id = pipeline.accept()
    pipeline.cancel(order_id)

    def end_it() -> None:
        pipeline.clock.advance(CLAIM_SECONDS + 1)
        for step in ("validate", "release", "reject"):
            pipeline.step(step, order_id, "another", reason="cancelled")

    before(engine, "fulfil", "release", end_it)
    ended = engine.run(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "already_ended")
    assert engine.bus.types == ["order.cancelled.v1"]
    assert steps_of(engine) == ["validate", "release"]


def test_an_order_that_another_execution_sold_before_its_rejection_is_told_as_sold(
    engine: Engine, pipeline: Pipeline
) -> None:
    order_id = pipeline.accept(MUG=6)

    def sell_it() -> None:
        pipeline.clock.advance(CLAIM_SECONDS + 1)
        pipeline.inventory.add(replace(MUG, on_hand=6))
        pipeline.bring_to("publish", order_id, "another")

    before(engine, "payment", "reject", sell_it)
    ended = engine.run(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "completed")
    assert pipeline.payments.intent_of(order_id).state is IntentState.CAPTURED
    assert engine.bus.types == ["order.completed.v1"]
