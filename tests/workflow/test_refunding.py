"""What becomes of a refund, by the real definition, the real services and the fakes."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.errors import (
    OrderCorrupt,
    PaymentOutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    StockContention,
    StoreUnavailable,
)
from lambdas.domain.order import PaymentStatus, RefundSums, Status
from lambdas.domain.refund import RefundStatus
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.provider_refunds import PENDING, failed_with, refused_with
from tests.fakes.refunding import sold, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId, RefundId
    from tests.fakes.pipeline import Pipeline
    from tests.workflow.interpreter import Ended, Engine

UNKNOWN = PaymentOutcomeUnknown("timeout")


@pytest.fixture
def order_id(pipeline: Pipeline) -> OrderId:
    """A sold order of two TEA for 9.00."""
    return sold(pipeline)


def run(engine: Engine, order_id: OrderId, refund_id: RefundId) -> Ended:
    """Run the refund's message."""
    return engine.run(order_id, command="refund", refund_id=refund_id)


def steps_of(engine: Engine) -> list[str]:
    """What the functions were invoked for, in order."""
    return [str(event.get("action") or name) for name, event in engine.functions.calls]


def assert_refunded(engine: Engine, ended: Ended, refund_id: RefundId, *, restocked: bool = False) -> None:
    """All of the order went back once, is booked once and told."""
    pipeline = engine.pipeline
    (order_id,) = pipeline.orders.heads
    head = pipeline.head(order_id)
    refund = stored(pipeline, refund_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "refunded"), ended
    assert (refund.status, refund.finished, refund.restocked) == (RefundStatus.SUCCEEDED, True, restocked)
    assert (head.status, head.payment_status) == (Status.COMPLETED, PaymentStatus.REFUNDED)
    assert (head.claim, head.refunds) == (None, RefundSums(900, 900, 150, 0))
    assert len(pipeline.payments.refunds.all_of(refund_id)) == 1
    assert sorted(pipeline.journal.entries) == [(order_id, 1), (order_id, 2)]
    assert pipeline.inventory.on_hand("TEA") == (100 if restocked else 98)
    told = {json.loads(entry["Detail"])["id"] for entry in engine.bus.entries}
    assert told == {f"{refund_id}.succeeded"}


def test_a_refund_is_paid_back_booked_and_told(engine: Engine, pipeline: Pipeline, order_id: OrderId) -> None:
    refund_id = pipeline.ask_refund(order_id)
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id)
    assert steps_of(engine) == ["validate", "refund"]
    (entry,) = engine.bus.entries
    assert entry["DetailType"] == "order.refunded.v1"
    data = json.loads(entry["Detail"])["data"]
    assert (data["refunded"], data["refund"]["amount"]) == (900, 900)


def test_the_claim_is_the_executions_name_and_no_customer_data_travels(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    ended = run(engine, order_id, pipeline.ask_refund(order_id, restock=True))
    allowed = {"order_id", "claim", "action", "refund_id"}
    assert len(engine.functions.calls) == 3
    assert all(event["claim"] == ended.name for _, event in engine.functions.calls)
    assert all(event.keys() <= allowed for _, event in engine.functions.calls)


def test_a_refund_whose_goods_come_back_puts_them_on_sale(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id, restock=True)
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id, restocked=True)
    assert steps_of(engine) == ["validate", "refund", "restock"]
    assert engine.bus.types == ["order.refunded.v1"]


@pytest.mark.parametrize(
    "outcome", [refused_with("charge_disputed"), failed_with("expired_or_canceled_card")]
)
def test_a_refused_refund_ends_well_and_is_not_told(
    engine: Engine, pipeline: Pipeline, order_id: OrderId, outcome: Any
) -> None:
    pipeline.payments.refund_outcomes.append(outcome)
    refund_id = pipeline.ask_refund(order_id, restock=True)
    ended = run(engine, order_id, refund_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "refund_failed")
    refund, head = stored(pipeline, refund_id), pipeline.head(order_id)
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, outcome.failure)
    assert (head.claim, head.refunds, head.payment_status) == (None, RefundSums(), PaymentStatus.CAPTURED)
    assert not engine.bus.entries
    again = run(engine, order_id, refund_id)
    assert (again.status, again.outcome) == ("SUCCEEDED", "refund_failed")
    assert (pipeline.payments.count("refund"), engine.bus.entries) == (1, [])


def test_a_pending_refund_is_told_as_done(engine: Engine, pipeline: Pipeline, order_id: OrderId) -> None:
    pipeline.payments.refund_outcomes.append(PENDING)
    refund_id = pipeline.ask_refund(order_id)
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id)


@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("orders", "claim_completed", StoreUnavailable("throttled")),
        ("refunds", "refund", StoreUnavailable("throttled")),
        ("payments", "find_refund", UNKNOWN),
        ("payments", "refund", ProviderUnavailable("429")),
        ("payments", "refund", UNKNOWN),
        ("journal", "book", StoreUnavailable("conflict")),
        ("inventory", "restock", StockContention("hot")),
        ("inventory", "restock", StoreUnavailable("throttled")),
    ],
)
def test_what_fails_twice_and_then_works_is_refunded_once(
    engine: Engine, pipeline: Pipeline, order_id: OrderId, fake: str, operation: str, error: Exception
) -> None:
    refund_id = pipeline.ask_refund(order_id, restock=True)
    getattr(pipeline, fake).faults.plan(operation, nothing_happened(error), nothing_happened(error))
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id, restocked=True)
    assert len(engine.waits.seconds) == 2


@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("orders", "claim_completed", StoreUnavailable("timeout")),
        ("payments", "refund", UNKNOWN),
        ("journal", "book", StoreUnavailable("timeout")),
        ("inventory", "restock", StoreUnavailable("timeout")),
    ],
)
def test_what_worked_though_nobody_heard_of_it_is_found_and_not_repeated(
    engine: Engine, pipeline: Pipeline, order_id: OrderId, fake: str, operation: str, error: Exception
) -> None:
    refund_id = pipeline.ask_refund(order_id, restock=True)
    getattr(pipeline, fake).faults.plan(operation, answer_lost(error))
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id, restocked=True)
    assert pipeline.payments.count("refund") == 1


def test_a_refund_whose_outcome_stays_unknown_is_found_by_the_redelivery_days_later(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.payments.faults.plan("refund", answer_lost(UNKNOWN))
    pipeline.payments.faults.plan("find_refund", None, *[nothing_happened(UNKNOWN)] * 2)
    failed = run(engine, order_id, refund_id)
    assert (failed.status, failed.error) == ("FAILED", "refund:PaymentOutcomeUnknown")
    assert stored(pipeline, refund_id).status is RefundStatus.REQUESTED
    pipeline.orders.give_back(order_id, failed.name, pipeline.clock.text, None)
    pipeline.payments.forget_keys()
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id)
    assert pipeline.payments.count("refund") == 1


def test_a_saved_failure_is_mended_by_new_keys_within_the_retries(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    pipeline.payments.save_failure("refund")
    refund_id = pipeline.ask_refund(order_id)
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id)


def test_a_function_that_timed_out_after_it_worked_is_tried_again_and_its_late_copy_changes_nothing(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    engine.machine["States"]["Refund"]["TimeoutSeconds"] = 1
    late = threading.Event()
    refund_id = pipeline.ask_refund(order_id)
    engine.functions.hang("payment", "refund", late)
    try:
        assert_refunded(engine, run(engine, order_id, refund_id), refund_id)
        ended = pipeline.head(order_id)
    finally:
        engine.functions.release(late)
    assert pipeline.head(order_id) == ended
    assert len(pipeline.payments.refunds.all_of(refund_id)) == 1


@pytest.mark.parametrize(
    ("fake", "operation", "error", "step", "calls"),
    [
        ("orders", "claim_completed", StoreUnavailable("x"), "claim", 3),
        ("payments", "refund", ProviderRefused("x"), "refund", 1),
        ("payments", "refund", ProviderUnavailable("x"), "refund", 3),
        ("journal", "book", OrderCorrupt("x"), "refund", 1),
        ("inventory", "restock", StockContention("x"), "restock", 3),
        ("inventory", "restock", OrderCorrupt("x"), "restock", 1),
    ],
)
def test_a_failure_names_its_step_and_class(
    engine: Engine,
    pipeline: Pipeline,
    order_id: OrderId,
    fake: str,
    operation: str,
    error: Exception,
    step: str,
    calls: int,
) -> None:
    refund_id = pipeline.ask_refund(order_id, restock=True)
    getattr(pipeline, fake).faults.plan(operation, *[nothing_happened(error)] * 5)
    ended = run(engine, order_id, refund_id)
    assert (ended.status, ended.error) == ("FAILED", f"{step}:{type(error).__name__}")
    assert json.loads(ended.cause)["Error"] == type(error).__name__
    assert len(engine.waits.seconds) == calls - 1
    # The news of the money does not wait for the shelf.
    assert engine.bus.types == (["order.refunded.v1"] if step == "restock" else [])


def test_goods_that_could_not_be_put_back_are_by_the_redelivery_without_any_more_money(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id, restock=True)
    pipeline.inventory.faults.plan("restock", *[nothing_happened(StockContention("hot"))] * 3)
    failed = run(engine, order_id, refund_id)
    assert failed.error == "restock:StockContention"
    assert stored(pipeline, refund_id).status is RefundStatus.SUCCEEDED
    pipeline.orders.give_back(order_id, failed.name, pipeline.clock.text, None)
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id, restocked=True)
    assert pipeline.payments.count("refund") == 1


@pytest.mark.parametrize("restock", [False, True])
def test_a_message_that_comes_again_after_the_end_tells_the_same_event_and_pays_nothing(
    engine: Engine, pipeline: Pipeline, order_id: OrderId, restock: bool
) -> None:
    refund_id = pipeline.ask_refund(order_id, restock=restock)
    run(engine, order_id, refund_id)
    before = pipeline.head(order_id)
    again = run(engine, order_id, refund_id)
    assert_refunded(engine, again, refund_id, restocked=restock)
    first, second = engine.bus.entries
    assert first["Detail"] == second["Detail"]
    assert pipeline.head(order_id) == before
    assert pipeline.payments.count("refund") == 1
    assert steps_of(engine)[-1] == "validate"


def test_an_event_that_stays_refused_fails_the_step_and_the_redelivery_sends_it(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    engine.bus.refusals = 3
    refund_id = pipeline.ask_refund(order_id)
    ended = run(engine, order_id, refund_id)
    assert (ended.status, ended.error) == ("FAILED", "publish refund:EventBridge.FailedEntry")
    assert stored(pipeline, refund_id).finished
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id)


def test_a_refund_beside_another_ones_execution_is_busy_and_touches_nothing(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    first = pipeline.ask_refund(order_id, "a", amount=100)
    second = pipeline.ask_refund(order_id, "b", amount=200)
    pipeline.claim_refund(order_id, first, "another")
    before = pipeline.head(order_id)
    ended = run(engine, order_id, second)
    assert (ended.status, ended.error) == ("FAILED", "claim:OrderBusy")
    assert engine.functions.count("validate") == 3
    assert pipeline.head(order_id) == before
    assert not pipeline.payments.refunds.all_of(second)


def test_two_refunds_one_after_the_other_are_two_entries_and_two_events(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    refunds = [pipeline.ask_refund(order_id, key, amount=450) for key in "ab"]
    for refund_id in refunds:
        assert run(engine, order_id, refund_id).outcome == "refunded"
    head = pipeline.head(order_id)
    assert (head.payment_status, head.refunds) == (PaymentStatus.REFUNDED, RefundSums(900, 900, 150, 0))
    assert sorted(no for _, no in pipeline.journal.entries) == [1, 2, 3]
    data = [json.loads(entry["Detail"])["data"] for entry in engine.bus.entries]
    assert [d["payment_status"] for d in data] == ["partially_refunded", "refunded"]


def test_a_refund_that_waited_for_an_operator_goes_on_when_its_message_is_replayed(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.refunds.set_refund_aside(order_id, refund_id, pipeline.clock.text, "refund:ProviderRefused")
    assert_refunded(engine, run(engine, order_id, refund_id), refund_id)
    assert stored(pipeline, refund_id).failure is None


@pytest.mark.parametrize(
    "named",
    [
        lambda order_id: (order_id, "ref_" + "a" * 26),
        lambda _order_id: ("ord_" + "a" * 26, "ref_" + "a" * 26),
    ],
    ids=["no such refund", "no such order"],
)
def test_a_message_of_an_unknown_refund_fails_at_once(
    engine: Engine, pipeline: Pipeline, order_id: OrderId, named: Callable[[OrderId], tuple[str, str]]
) -> None:
    before = pipeline.head(order_id)
    order, refund = named(order_id)
    ended = engine.run(order, command="refund", refund_id=refund)
    assert (ended.status, ended.error) == ("FAILED", "claim:OrderNotFound")
    assert engine.functions.count("validate") == 1
    assert pipeline.head(order_id) == before


def test_a_message_of_the_sale_beside_a_refund_tells_the_sale_again_and_touches_nothing(
    engine: Engine, pipeline: Pipeline, order_id: OrderId
) -> None:
    refund_id = pipeline.ask_refund(order_id)
    pipeline.claim_refund(order_id, refund_id, "another")
    before = pipeline.head(order_id)
    assert engine.run(order_id).outcome == "already_ended"
    assert engine.bus.types == ["order.completed.v1"]
    assert pipeline.head(order_id) == before
