"""How each step of a sale ends an order that its client has cancelled, or whose payment is to expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import (
    ClaimLost,
    PaymentOutcomeUnknown,
    StockContention,
    StoreUnavailable,
    WarehouseUnavailable,
)
from lambdas.domain.order import CancellationStatus, FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.payment import IntentState
from lambdas.domain.transitions import abandoned, expiry_requested
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.payments import DECLINED_CARD, GOOD_CARD
from tests.fakes.pipeline import CLAIM, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId

STOPPED = {"outcome": "unfulfillable", "reason": "cancelled"}
SHIPPED = {"outcome": "shipped"}


def brought_to(pipeline: Pipeline, step: str, card: str | None = GOOD_CARD, **goods: int) -> OrderId:
    """An order at a step, cancelled there."""
    order_id = pipeline.accept(card=card, goods=goods or {"TEA": 2})
    pipeline.bring_to(step, order_id)
    pipeline.cancel(order_id)
    return order_id


def run(pipeline: Pipeline, order_id: OrderId, *steps: str) -> str:
    """Run steps, each with the reason of the one before; return the last outcome."""
    report = {"outcome": ""}
    for step in steps:
        facts = {"reason": report["reason"]} if step in {"release", "reject"} else {}
        report = pipeline.step(step, order_id, **facts)
    return report["outcome"]


def assert_cancelled(pipeline: Pipeline, order_id: OrderId, payment: PaymentStatus) -> None:
    """The order has ended as its client wished; nothing is held of it and nothing will be shipped."""
    head = pipeline.head(order_id)
    assert (head.status, head.reason, head.claim) == (Status.CANCELLED, "customer_request", None)
    assert (head.payment_status, head.cancellation_status) == (payment, CancellationStatus.DONE)
    assert (pipeline.inventory.on_hand("TEA"), pipeline.inventory.on_hand("GIFT")) == (100, 10)
    assert not pipeline.warehouse.shipments
    assert not pipeline.payments.states_of(order_id) & {IntentState.AUTHORIZED, IntentState.CAPTURED}
    assert not pipeline.journal.entries


def test_the_first_step_goes_no_further(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "validate")
    assert pipeline.step("validate", order_id) == STOPPED
    assert pipeline.head(order_id).claim == CLAIM


def test_an_order_that_cannot_be_sold_any_more_is_cancelled_all_the_same(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "validate", MUG=1)
    del pipeline.inventory.stored["MUG"]
    assert pipeline.step("validate", order_id) == STOPPED


def test_no_payment_is_made_for_a_cancelled_order(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "authorise")
    assert pipeline.step("authorise", order_id) == STOPPED
    assert not pipeline.payments.calls


def test_the_authorisation_of_a_cancelled_order_is_not_believed_from_the_cache(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("fulfil", order_id)
    pipeline.cancel(order_id)
    assert pipeline.step("authorise", order_id) == STOPPED


@pytest.mark.parametrize(
    ("step", "card", "payment"),
    [
        ("validate", GOOD_CARD, PaymentStatus.VOIDED),
        ("authorise", GOOD_CARD, PaymentStatus.VOIDED),
        ("fulfil", GOOD_CARD, PaymentStatus.VOIDED),
        ("validate", None, PaymentStatus.NOT_REQUIRED),
        ("fulfil", None, PaymentStatus.NOT_REQUIRED),
    ],
)
def test_a_cancelled_order_is_brought_to_its_end_from_every_step(
    pipeline: Pipeline, step: str, card: str | None, payment: PaymentStatus
) -> None:
    goods = {"TEA": 2} if card else {"GIFT": 1}
    order_id = brought_to(pipeline, step, card, **goods)
    between = ("reject",) if step == "fulfil" else ("release", "reject")
    assert run(pipeline, order_id, step, *between) == "cancelled"
    assert_cancelled(pipeline, order_id, payment)
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.UNRESERVED


def test_nothing_is_reserved_for_a_cancelled_order(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "fulfil")
    assert pipeline.step("fulfil", order_id) == STOPPED
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.UNRESERVED
    assert not pipeline.warehouse.calls


def reserved(pipeline: Pipeline, fault: Callable[[Exception], Fault]) -> OrderId:
    """An order whose goods are held and whose shipment may have been booked, cancelled there."""
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("fulfil", order_id)
    pipeline.warehouse.faults.plan("ship", fault(WarehouseUnavailable("timeout")))
    with pytest.raises(WarehouseUnavailable):
        pipeline.step("fulfil", order_id)
    pipeline.cancel(order_id)
    return order_id


@pytest.mark.parametrize("again", [("fulfil",), ("validate", "release")])
def test_held_goods_are_given_back_when_the_warehouse_rules_the_shipment_out(
    pipeline: Pipeline, again: tuple[str, ...]
) -> None:
    order_id = reserved(pipeline, nothing_happened)
    assert run(pipeline, order_id, *again) == "unfulfillable"
    assert pipeline.warehouse.cancelled == {order_id}
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.RELEASED
    assert pipeline.step("reject", order_id, reason="cancelled")["outcome"] == "cancelled"
    assert_cancelled(pipeline, order_id, PaymentStatus.VOIDED)


@pytest.mark.parametrize("again", [("fulfil",), ("validate", "release")])
def test_a_shipment_that_the_warehouse_has_taken_is_sold(pipeline: Pipeline, again: tuple[str, ...]) -> None:
    order_id = reserved(pipeline, answer_lost)
    assert run(pipeline, order_id, *again) == "shipped"
    assert pipeline.step("capture", order_id)["outcome"] == "completed"
    head = pipeline.head(order_id)
    assert (head.status, head.cancellation_status) == (Status.COMPLETED, CancellationStatus.REFUSED)
    assert (pipeline.inventory.on_hand("TEA"), head.reason) == (98, None)
    assert pipeline.payments.captures == {order_id: 1}


def test_between_shipment_and_capture_it_is_too_late(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "capture")
    assert pipeline.step("capture", order_id)["outcome"] == "completed"
    assert pipeline.head(order_id).cancellation_status is CancellationStatus.REFUSED


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_goods_stay_held_while_the_warehouse_has_not_said_whether_it_is_too_late(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = reserved(pipeline, nothing_happened)
    pipeline.warehouse.faults.plan("cancel", fault(WarehouseUnavailable("timeout")))
    with pytest.raises(WarehouseUnavailable):
        pipeline.step("fulfil", order_id)
    assert pipeline.inventory.on_hand("TEA") == 98
    assert pipeline.step("fulfil", order_id) == STOPPED
    assert pipeline.inventory.on_hand("TEA") == 100


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
@pytest.mark.parametrize("error", [StoreUnavailable("timeout"), StockContention("hot")])
def test_a_release_that_failed_gives_the_goods_back_once(
    pipeline: Pipeline, fault: Callable[[Exception], Fault], error: Exception
) -> None:
    order_id = reserved(pipeline, nothing_happened)
    pipeline.inventory.faults.plan("release", fault(error))
    with pytest.raises(type(error)):
        pipeline.step("release", order_id, reason="cancelled")
    assert pipeline.step("release", order_id, reason="cancelled") == STOPPED
    assert pipeline.inventory.on_hand("TEA") == 100


def test_a_late_shipment_of_a_cancelled_order_is_refused_by_the_warehouse(pipeline: Pipeline) -> None:
    """A copy of the step hangs before the warehouse, while the next try turns back."""
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("fulfil", order_id)

    def turn_back(operation: str) -> None:
        if operation == "ship":
            pipeline.warehouse.faults.before = None
            pipeline.cancel(order_id)
            pipeline.clock.advance(1)
            assert pipeline.step("fulfil", order_id) == STOPPED

    pipeline.warehouse.faults.before = turn_back
    with pytest.raises(StoreUnavailable):
        pipeline.step("fulfil", order_id)
    assert pipeline.inventory.on_hand("TEA") == 100
    assert not pipeline.warehouse.shipments


@pytest.mark.parametrize(
    ("step", "fake", "operation"),
    [
        ("authorise", "orders", "save"),
        ("fulfil", "inventory", "reserve"),
        ("capture", "journal", "book"),
    ],
)
def test_a_wish_that_comes_in_before_a_steps_write_lets_the_step_read_the_order_again(
    pipeline: Pipeline, step: str, fake: str, operation: str
) -> None:
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to(step, order_id)
    faults = getattr(pipeline, fake).faults

    def cancel(called: str) -> None:
        if called == operation:
            faults.before = None
            pipeline.cancel(order_id)

    faults.before = cancel
    with pytest.raises(StoreUnavailable):
        pipeline.step(step, order_id)
    after = pipeline.step(step, order_id)
    assert after["outcome"] == ("completed" if step == "capture" else "unfulfillable")
    assert pipeline.payments.captures[order_id] == (1 if step == "capture" else 0)


def test_a_decline_and_a_wish_at_once_are_a_cancellation(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(card=DECLINED_CARD)
    pipeline.bring_to("authorise", order_id)

    def cancel(operation: str) -> None:
        if operation == "save" and pipeline.head(order_id).payment_intent:
            pipeline.orders.faults.before = None
            pipeline.cancel(order_id)

    pipeline.orders.faults.before = cancel
    with pytest.raises(StoreUnavailable):
        pipeline.step("authorise", order_id)
    assert run(pipeline, order_id, "authorise", "release", "reject") == "cancelled"
    assert_cancelled(pipeline, order_id, PaymentStatus.VOIDED)


def test_a_wish_that_comes_in_while_the_order_is_rejected_is_refused(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(MUG=6)
    pipeline.bring_to("capture", order_id)

    def cancel(operation: str) -> None:
        if operation == "save":
            pipeline.orders.faults.before = None
            pipeline.cancel(order_id)

    pipeline.orders.faults.before = cancel
    with pytest.raises(StoreUnavailable):
        pipeline.step("reject", order_id, reason="out_of_stock")
    assert pipeline.step("reject", order_id, reason="out_of_stock")["outcome"] == "rejected"
    head = pipeline.head(order_id)
    assert (head.reason, head.cancellation_status) == ("out_of_stock", CancellationStatus.REFUSED)


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [("payments", "void", PaymentOutcomeUnknown("timeout")), ("orders", "save", StoreUnavailable("timeout"))],
)
def test_a_cancellation_that_failed_on_its_last_step_is_made_up(
    pipeline: Pipeline, fake: str, operation: str, error: Exception, fault: Callable[[Exception], Fault]
) -> None:
    order_id = brought_to(pipeline, "fulfil")
    pipeline.step("fulfil", order_id)
    getattr(pipeline, fake).faults.plan(operation, fault(error))
    with pytest.raises(type(error)):
        pipeline.step("reject", order_id, reason="cancelled")
    result = pipeline.step("reject", order_id, reason="cancelled")
    assert (result["outcome"], result["event"]["id"]) == ("cancelled", f"{order_id}.cancelled")
    assert_cancelled(pipeline, order_id, PaymentStatus.VOIDED)
    assert [e.name for e in pipeline.head(order_id).timeline].count("cancelled") == 1


def test_money_that_was_taken_of_a_cancelled_order_waits_for_a_person(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "fulfil")
    pipeline.payments.capture(order_id, "pi_0001", pipeline.head(order_id).amount, 0)
    pipeline.step("fulfil", order_id)
    assert pipeline.step("reject", order_id, reason="cancelled")["outcome"] == "attention_required"
    head = pipeline.head(order_id)
    assert (head.reason, head.cancellation_status) == (
        "captured_before_shipment",
        CancellationStatus.REQUESTED,
    )


def test_an_order_that_waited_for_an_operator_is_brought_to_its_end(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("fulfil", order_id)
    pipeline.orders.give_back(order_id, CLAIM, pipeline.clock.text, "fulfil:WarehouseUnavailable")
    pipeline.cancel(order_id)
    assert run(pipeline, order_id, "validate", "release", "reject") == "cancelled"
    assert_cancelled(pipeline, order_id, PaymentStatus.VOIDED)


def test_a_payment_that_ran_out_is_cancelled_with_the_order(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "fulfil")
    pipeline.payments.expire("pi_0001")
    assert run(pipeline, order_id, "fulfil", "reject") == "cancelled"
    assert_cancelled(pipeline, order_id, PaymentStatus.VOIDED)


def test_releasing_an_order_that_has_ended_tells_its_end(pipeline: Pipeline) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("publish", order_id)
    result = pipeline.step("release", order_id, reason="cancelled")
    assert (result["outcome"], result["event"]["id"]) == ("already_ended", f"{order_id}.completed")
    assert pipeline.step("reject", order_id, reason="cancelled")["outcome"] == "completed"
    assert pipeline.inventory.on_hand("TEA") == 99


def test_only_whoever_holds_the_order_ends_it(pipeline: Pipeline) -> None:
    order_id = brought_to(pipeline, "fulfil")
    for step in ("release", "reject"):
        with pytest.raises(ClaimLost):
            pipeline.step(step, order_id, "another", reason="cancelled")
    assert not pipeline.warehouse.cancelled
    assert pipeline.payments.intent_of(order_id).state is IntentState.AUTHORIZED


@pytest.mark.parametrize(("step", "rest"), [("validate", ("release",)), ("fulfil", ())])
def test_an_order_that_an_operator_gives_up_holds_nothing_any_more(
    pipeline: Pipeline, step: str, rest: tuple[str, ...]
) -> None:
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("fulfil", order_id)
    assert pipeline.orders.amend(abandoned(pipeline.head(order_id), pipeline.clock.text))
    assert run(pipeline, order_id, step, *rest, "reject") == "rejected"
    head = pipeline.head(order_id)
    assert (head.reason, head.payment_status) == ("abandoned_by_operator", PaymentStatus.VOIDED)
    assert (pipeline.inventory.on_hand("TEA"), pipeline.warehouse.shipments) == (100, {})


@pytest.mark.parametrize(("step", "rest"), [("validate", ("release",)), ("fulfil", ())])
def test_a_payment_that_is_about_to_expire_is_given_free_and_its_order_rejected(
    pipeline: Pipeline, step: str, rest: tuple[str, ...]
) -> None:
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("fulfil", order_id)
    expiring = expiry_requested(pipeline.head(order_id), pipeline.clock.text)
    assert pipeline.orders.amend(expiring)
    assert run(pipeline, order_id, step, *rest, "reject") == "rejected"
    head = pipeline.head(order_id)
    assert (head.reason, head.payment_status) == ("authorization_expiring", PaymentStatus.VOIDED)
    assert head.cancellation_status is None


def test_a_wish_that_comes_after_a_refused_shipment_is_what_ends_the_order(pipeline: Pipeline) -> None:
    pipeline.warehouse.refused_skus.add("TEA")
    order_id = pipeline.accept(TEA=2)
    pipeline.bring_to("capture", order_id)
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.RELEASED
    assert pipeline.step("fulfil", order_id)["reason"] == "shipment_refused"
    pipeline.cancel(order_id)
    assert pipeline.step("fulfil", order_id) == STOPPED
