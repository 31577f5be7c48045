"""What becomes of an order, by the real definition, the real services and the fakes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from lambdas.domain.errors import (
    OrderCorrupt,
    PaymentOutcomeUnknown,
    ProviderUnavailable,
    StockContention,
    StoreUnavailable,
    WarehouseUnavailable,
)
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.payment import IntentState
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.payments import (
    DECLINED_CARD,
    GOOD_CARD,
    HANGS_AFTER_CHARGE_CARD,
    PROVIDER_DOWN_CARD,
    STALE_KEY_CARD,
    UNKNOWN_OUTCOME_CARD,
)
from tests.fakes.pipeline import MUG

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from tests.fakes.pipeline import Pipeline
    from tests.workflow.interpreter import Ended, Engine

STEPS = [("validate", None), ("payment", "authorise"), ("fulfil", "fulfil"), ("payment", "capture")]


def assert_paid(engine: Engine, ended: Ended, order_id: OrderId) -> None:
    """The order is completed, paid once, booked once, shipped once and told once."""
    pipeline = engine.pipeline
    head = pipeline.head(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "completed"), ended
    assert (head.status, head.payment_status) == (Status.COMPLETED, PaymentStatus.CAPTURED)
    assert pipeline.payments.captures == {order_id: 1}
    assert list(pipeline.journal.entries) == [(order_id, 1)]
    assert list(pipeline.warehouse.shipments) == [order_id]
    assert engine.bus.types == ["order.completed.v1"]


def test_an_order_is_paid_shipped_and_told(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=2)
    assert_paid(engine, engine.run(order_id), order_id)
    assert [(name, event.get("action")) for name, event in engine.functions.calls] == STEPS
    (entry,) = engine.bus.entries
    assert (entry["Source"], entry["EventBusName"]) == ("orders", "outcomes")
    assert json.loads(entry["Detail"])["data"]["order_id"] == order_id


def test_the_claim_is_the_executions_name_and_no_customer_data_travels(
    engine: Engine, pipeline: Pipeline
) -> None:
    ended = engine.run(pipeline.accept())
    allowed = {"order_id", "claim", "action", "reason"}
    assert all(event["claim"] == ended.name for _, event in engine.functions.calls)
    assert all(event.keys() <= allowed for _, event in engine.functions.calls)


def test_a_declined_card_ends_the_order_well(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(card=DECLINED_CARD)
    ended = engine.run(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "rejected")
    assert pipeline.head(order_id).reason == "payment_declined:generic_decline"
    assert engine.bus.types == ["order.rejected.v1"]
    assert engine.functions.count("fulfil") == 0


def test_an_order_that_is_out_of_stock_is_voided_and_rejected(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=1, MUG=6)
    ended = engine.run(order_id)
    assert (ended.status, ended.outcome) == ("SUCCEEDED", "rejected")
    head = pipeline.head(order_id)
    assert (head.reason, head.payment_status) == ("out_of_stock", PaymentStatus.VOIDED)
    assert pipeline.payments.intent_of(order_id).state is IntentState.CANCELED
    assert pipeline.inventory.on_hand("TEA") == 100
    assert engine.bus.types == ["order.rejected.v1"]


def test_a_refused_shipment_gives_goods_and_money_back(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.warehouse.refused_skus.add("MUG")
    order_id = pipeline.accept(MUG=2)
    ended = engine.run(order_id)
    head = pipeline.head(order_id)
    assert (ended.outcome, head.reason) == ("rejected", "shipment_refused")
    assert head.fulfillment_status is FulfillmentStatus.RELEASED
    assert (head.payment_status, pipeline.inventory.on_hand("MUG")) == (PaymentStatus.VOIDED, 5)


def test_a_withdrawn_product_is_told_without_any_money(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(MUG=1)
    del pipeline.inventory.stored["MUG"]
    assert engine.run(order_id).outcome == "rejected"
    assert engine.bus.types == ["order.rejected.v1"]
    assert not pipeline.payments.calls


def test_an_order_of_nothing_is_shipped_without_payment(engine: Engine, pipeline: Pipeline) -> None:
    order_id = pipeline.accept(card=None, GIFT=1)
    assert engine.run(order_id).outcome == "completed"
    assert pipeline.head(order_id).payment_status is PaymentStatus.NOT_REQUIRED
    assert list(pipeline.warehouse.shipments) == [order_id]
    assert not pipeline.journal.entries
    assert engine.bus.types == ["order.completed.v1"]


@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("orders", "claim", StoreUnavailable("throttled")),
        ("payments", "create", ProviderUnavailable("429")),
        ("payments", "confirm", PaymentOutcomeUnknown("timeout")),
        ("inventory", "reserve", StockContention("hot")),
        ("warehouse", "ship", WarehouseUnavailable("timeout")),
        ("payments", "capture", ProviderUnavailable("429")),
        ("payments", "capture", PaymentOutcomeUnknown("timeout")),
        ("journal", "book", StoreUnavailable("conflict")),
    ],
)
def test_what_fails_twice_and_then_works_is_paid_once(
    engine: Engine, pipeline: Pipeline, fake: str, operation: str, error: Exception
) -> None:
    getattr(pipeline, fake).faults.plan(operation, nothing_happened(error), nothing_happened(error))
    order_id = pipeline.accept()
    assert_paid(engine, engine.run(order_id), order_id)
    assert len(engine.waits.seconds) == 2


@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("orders", "claim", StoreUnavailable("timeout")),
        ("payments", "create", PaymentOutcomeUnknown("timeout")),
        ("payments", "confirm", PaymentOutcomeUnknown("timeout")),
        ("inventory", "reserve", StoreUnavailable("timeout")),
        ("warehouse", "ship", WarehouseUnavailable("timeout")),
        ("payments", "capture", PaymentOutcomeUnknown("timeout")),
        ("journal", "book", StoreUnavailable("timeout")),
    ],
)
def test_what_worked_though_nobody_heard_of_it_is_found_and_not_repeated(
    engine: Engine, pipeline: Pipeline, fake: str, operation: str, error: Exception
) -> None:
    getattr(pipeline, fake).faults.plan(operation, answer_lost(error))
    order_id = pipeline.accept()
    assert_paid(engine, engine.run(order_id), order_id)


@pytest.mark.parametrize("card", [UNKNOWN_OUTCOME_CARD, HANGS_AFTER_CHARGE_CARD, STALE_KEY_CARD])
def test_a_payment_that_goes_wrong_in_any_way_is_mended_by_the_retries(
    engine: Engine, pipeline: Pipeline, card: str
) -> None:
    order_id = pipeline.accept(card=card)
    assert_paid(engine, engine.run(order_id), order_id)


def test_a_void_whose_outcome_is_unknown_is_mended_by_the_retries(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.payments.faults.plan("void", answer_lost(PaymentOutcomeUnknown("timeout")))
    order_id = pipeline.accept(MUG=6)
    assert engine.run(order_id).outcome == "rejected"
    assert engine.functions.count("payment", "reject") == 2
    assert pipeline.head(order_id).payment_status is PaymentStatus.VOIDED


def test_waits_between_tries_are_jittered_and_bounded(engine: Engine, pipeline: Pipeline) -> None:
    engine.run(pipeline.accept(card=PROVIDER_DOWN_CARD))
    first, second = engine.waits.seconds
    assert 0 <= first <= 2
    assert 0 <= second <= 4


@pytest.mark.parametrize(
    ("fake", "operation", "error", "step", "calls"),
    [
        ("orders", "claim", StoreUnavailable("x"), "validate", 3),
        ("orders", "lines_of", OrderCorrupt("x"), "validate", 1),
        ("payments", "create", PaymentOutcomeUnknown("x"), "authorise", 3),
        ("warehouse", "ship", WarehouseUnavailable("x"), "fulfil", 3),
        ("warehouse", "ship", OrderCorrupt("x"), "fulfil", 1),
        ("payments", "capture", PaymentOutcomeUnknown("x"), "capture", 3),
        ("journal", "book", KeyError("a bug"), "capture", 1),
    ],
)
def test_a_failure_names_its_step_and_class_and_its_cause_is_json(
    engine: Engine,
    pipeline: Pipeline,
    fake: str,
    operation: str,
    error: Exception,
    step: str,
    calls: int,
) -> None:
    getattr(pipeline, fake).faults.plan(operation, *[nothing_happened(error)] * 5)
    ended = engine.run(pipeline.accept())
    assert (ended.status, ended.error) == ("FAILED", f"{step}:{type(error).__name__}")
    cause = json.loads(ended.cause)
    assert cause["Error"] == type(error).__name__
    assert json.loads(cause["Cause"])["errorType"] == type(error).__name__
    assert len(engine.waits.seconds) == calls - 1
    assert not engine.bus.entries


def test_a_failed_rejection_names_its_step(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.payments.faults.plan("void", *[nothing_happened(ProviderUnavailable("down"))] * 3)
    ended = engine.run(pipeline.accept(MUG=6))
    assert (ended.status, ended.error) == ("FAILED", "reject:ProviderUnavailable")


def test_lambdas_own_failure_is_tried_again(engine: Engine, pipeline: Pipeline) -> None:
    throttled = ClientError(
        {
            "Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."},
            "ResponseMetadata": {
                "HTTPStatusCode": 429,
                "RequestId": "r",
                "HostId": "",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        "Invoke",
    )
    engine.functions.service.plan("fulfil", nothing_happened(throttled))
    order_id = pipeline.accept()
    assert_paid(engine, engine.run(order_id), order_id)


def test_an_event_that_is_refused_is_sent_again(engine: Engine, pipeline: Pipeline) -> None:
    engine.bus.refusals = 2
    order_id = pipeline.accept()
    assert_paid(engine, engine.run(order_id), order_id)


def test_an_event_that_stays_refused_fails_the_step_and_the_redelivery_sends_it(
    engine: Engine, pipeline: Pipeline
) -> None:
    engine.bus.refusals = 3
    order_id = pipeline.accept()
    ended = engine.run(order_id)
    assert (ended.status, ended.error) == ("FAILED", "publish:EventBridge.FailedEntry")
    assert pipeline.head(order_id).status is Status.COMPLETED
    again = engine.run(order_id)
    assert again.outcome == "already_ended"
    assert engine.bus.types == ["order.completed.v1"]


def test_a_duplicate_of_an_order_that_ended_tells_the_same_event_and_does_nothing(
    engine: Engine, pipeline: Pipeline
) -> None:
    """Whether the first telling arrived is not known, after a redrive least of all."""
    order_id = pipeline.accept()
    engine.run(order_id)
    again = engine.run(order_id)
    assert (again.status, again.outcome) == ("SUCCEEDED", "already_ended")
    first, second = engine.bus.entries
    assert first["Detail"] == second["Detail"]
    assert pipeline.payments.captures == {order_id: 1}


def test_a_duplicate_beside_a_live_execution_is_busy_and_touches_nothing(
    engine: Engine, pipeline: Pipeline
) -> None:
    order_id = pipeline.accept()
    pipeline.validate(order_id, "another")
    before = pipeline.head(order_id)
    ended = engine.run(order_id)
    assert (ended.status, ended.error) == ("FAILED", "validate:OrderBusy")
    assert engine.functions.count("validate") == 3
    assert pipeline.head(order_id) == before


def test_an_unknown_command_is_refused_before_any_step(engine: Engine, pipeline: Pipeline) -> None:
    ended = engine.run(pipeline.accept(), command="explode")
    assert (ended.status, ended.error) == ("FAILED", "route:UnknownCommand")
    assert not engine.functions.calls


def test_an_order_that_nobody_accepted_fails_at_once(engine: Engine) -> None:
    ended = engine.run("ord_" + "a" * 26)
    assert (ended.status, ended.error) == ("FAILED", "validate:OrderNotFound")
    assert engine.functions.count("validate") == 1


@pytest.mark.parametrize("before", ["authorise", "fulfil", "capture"])
def test_an_order_that_was_left_anywhere_is_brought_to_its_end(
    engine: Engine, pipeline: Pipeline, before: str
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to(before, order_id, "earlier")
    pipeline.orders.give_back(order_id, "earlier", pipeline.clock.text, "fulfil:WarehouseUnavailable")
    assert_paid(engine, engine.run(order_id), order_id)


def test_a_payment_that_was_canceled_after_the_shipment_waits_for_a_person(
    engine: Engine, pipeline: Pipeline
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to("capture", order_id, "earlier")
    pipeline.orders.give_back(order_id, "earlier", pipeline.clock.text, None)
    pipeline.payments.expire("pi_0001")
    calls = pipeline.warehouse.calls
    ended = engine.run(order_id)
    assert (ended.status, ended.error) == ("FAILED", "workflow:AttentionRequired")
    assert json.loads(ended.cause)["event"]["data"]["reason"] == "canceled_after_reservation"
    assert pipeline.head(order_id).status is Status.ATTENTION_REQUIRED
    assert not engine.bus.entries
    assert pipeline.warehouse.calls == calls


def test_a_function_that_hangs_is_tried_again_and_its_late_copy_changes_nothing(
    engine: Engine, pipeline: Pipeline
) -> None:
    engine.machine["States"]["Capture"]["TimeoutSeconds"] = 1
    late = threading.Event()
    order_id = pipeline.accept(card=GOOD_CARD)
    engine.functions.hang("payment", "capture", late)
    try:
        assert_paid(engine, engine.run(order_id), order_id)
        ended = pipeline.head(order_id)
    finally:
        engine.functions.release(late)
    assert pipeline.head(order_id) == ended
    assert pipeline.payments.captures == {order_id: 1}


def test_a_function_that_always_hangs_fails_its_step_by_name(engine: Engine, pipeline: Pipeline) -> None:
    engine.machine["States"]["Fulfil"]["TimeoutSeconds"] = 1
    engine.machine["States"]["Fulfil"]["Retry"][0]["MaxAttempts"] = 0
    late = threading.Event()
    engine.functions.hang("fulfil", "fulfil", late)
    try:
        ended = engine.run(pipeline.accept())
    finally:
        engine.functions.release(late)
    assert (ended.status, ended.error) == ("FAILED", "fulfil:States.Timeout")


def test_a_decline_whose_write_nobody_heard_of_is_still_told(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.orders.faults.plan("save", None, answer_lost(StoreUnavailable("timeout")))
    order_id = pipeline.accept(card=DECLINED_CARD)
    ended = engine.run(order_id)
    assert ended.status == "SUCCEEDED"
    assert pipeline.head(order_id).status is Status.REJECTED
    assert engine.bus.types == ["order.rejected.v1"]


def test_a_withdrawal_whose_write_nobody_heard_of_is_still_told(engine: Engine, pipeline: Pipeline) -> None:
    pipeline.orders.faults.plan("save", answer_lost(StoreUnavailable("timeout")))
    order_id = pipeline.accept(MUG=1)
    del pipeline.inventory.stored["MUG"]
    ended = engine.run(order_id)
    assert ended.status == "SUCCEEDED"
    assert pipeline.head(order_id).status is Status.REJECTED
    assert engine.bus.types == ["order.rejected.v1"]


def test_goods_that_are_back_in_stock_are_not_shipped_for_a_payment_that_was_voided(
    engine: Engine, pipeline: Pipeline
) -> None:
    # The void worked though nobody heard of it; by the redelivery the stock has come in.
    unknown = PaymentOutcomeUnknown("timeout")
    pipeline.payments.faults.plan("void", answer_lost(unknown), *[nothing_happened(unknown)] * 2)
    order_id = pipeline.accept(MUG=6)
    failed = engine.run(order_id)
    assert failed.error == "reject:PaymentOutcomeUnknown"
    pipeline.orders.give_back(order_id, failed.name, pipeline.clock.text, None)
    pipeline.inventory.add(replace(MUG, on_hand=50))
    engine.run(order_id)
    assert not pipeline.warehouse.shipments
    assert pipeline.head(order_id).status is Status.REJECTED
