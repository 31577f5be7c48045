from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.commands import process_command
from lambdas.domain.errors import ClaimLost, PaymentOutcomeUnknown, ProviderUnavailable, StoreUnavailable
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.payment import IntentState
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.payments import GOOD_CARD
from tests.fakes.pipeline import CLAIM, CLAIM_SECONDS, Pipeline
from tests.properties.walk import Bus, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId

WHY = "out_of_stock"


def unfulfillable(pipeline: Pipeline, card: str | None = GOOD_CARD, **quantities: int) -> OrderId:
    """Bring an order to this step: its money is held, its goods are missing."""
    order_id = pipeline.accept(card=card, goods=quantities or {"MUG": 6})
    pipeline.bring_to("capture", order_id)
    return order_id


def test_the_money_is_given_free_and_the_order_rejected(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    result = pipeline.reject(order_id, CLAIM, WHY)
    assert (result["outcome"], result["event"]["data"]["reason"]) == ("rejected", WHY)
    head = pipeline.head(order_id)
    assert (head.status, head.claim) == (Status.REJECTED, None)
    assert (head.payment_status, head.fulfillment_status) == (
        PaymentStatus.VOIDED,
        FulfillmentStatus.OUT_OF_STOCK,
    )
    assert pipeline.payments.intent_of(order_id).state is IntentState.CANCELED


def test_a_refused_shipment_stays_released(pipeline: Pipeline) -> None:
    pipeline.warehouse.refused_skus.add("TEA")
    order_id = unfulfillable(pipeline, TEA=1)
    pipeline.reject(order_id, CLAIM, "shipment_refused")
    head = pipeline.head(order_id)
    assert (head.reason, head.fulfillment_status) == ("shipment_refused", FulfillmentStatus.RELEASED)


def test_an_order_of_nothing_is_rejected_without_the_provider(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline, None, GIFT=11)
    pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.head(order_id).payment_status is PaymentStatus.NOT_REQUIRED
    assert not pipeline.payments.calls


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_void_whose_outcome_is_not_known_is_found_by_the_next_try(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.payments.faults.plan("void", fault(PaymentOutcomeUnknown("timeout")))
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.head(order_id).status is Status.PROCESSING
    assert pipeline.reject(order_id, CLAIM, WHY)["outcome"] == "rejected"
    assert pipeline.head(order_id).payment_status is PaymentStatus.VOIDED


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_rejections_write_that_failed_is_made_up(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.orders.faults.plan("save", fault(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.reject(order_id, CLAIM, WHY)["outcome"] == "rejected"
    assert [e.name for e in pipeline.head(order_id).timeline].count("rejected") == 1


@pytest.mark.parametrize("why", ["out_of_stock", "product_withdrawn"])
def test_a_replay_after_a_void_whose_answer_was_lost_tells_the_same_reason(
    pipeline: Pipeline, why: str
) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.payments.faults.plan("void", answer_lost(PaymentOutcomeUnknown("timeout")))
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.reject(order_id, CLAIM, why)
    pipeline.inventory.add(replace(pipeline.inventory.stored["MUG"], on_hand=100))
    pipeline.clock.advance(CLAIM_SECONDS + 1)
    Walk(pipeline, Bus(), process_command(order_id), "replay").finish()
    head = pipeline.head(order_id)
    assert (head.reason, head.payment_status) == (why, PaymentStatus.VOIDED)


def test_the_reason_is_stored_before_the_money_is_given_free(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.orders.faults.plan("save", nothing_happened(StoreUnavailable("down")))
    with pytest.raises(StoreUnavailable):
        pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.payments.count("void") == 0


def test_a_replayed_failure_stores_the_next_generation_of_keys_first(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.payments.save_failure("void")
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.reject(order_id, CLAIM, WHY)
    with pytest.raises(ProviderUnavailable):
        pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.head(order_id).key_generation == 1
    pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.payments.keys[-1] == f"{order_id}/void/1"


def test_money_that_was_taken_before_the_shipment_waits_for_a_person(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.payments.capture(order_id, "pi_0001", pipeline.head(order_id).amount, 0)
    assert pipeline.reject(order_id, CLAIM, WHY)["outcome"] == "attention_required"
    head = pipeline.head(order_id)
    assert (head.reason, head.payment_status) == ("captured_before_shipment", PaymentStatus.CAPTURED)


def test_money_that_was_taken_by_hand_buys_the_goods_once_there_are_some(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    pipeline.payments.capture(order_id, "pi_0001", pipeline.head(order_id).amount, 0)
    pipeline.reject(order_id, CLAIM, WHY)
    pipeline.inventory.add(replace(pipeline.inventory.stored["MUG"], on_hand=100))
    Walk(pipeline, Bus(), process_command(order_id), "replay").finish()
    assert pipeline.head(order_id).status is Status.COMPLETED


def test_a_payment_that_is_still_pending_is_an_unknown_outcome(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    intents = pipeline.payments.intents
    intents["pi_0001"] = replace(intents["pi_0001"], state=IntentState.PENDING)
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.reject(order_id, CLAIM, WHY)


def test_goods_that_are_held_after_all_are_not_lost_by_a_rejection(pipeline: Pipeline) -> None:
    order_id = pipeline.accept(TEA=1)
    pipeline.bring_to("capture", order_id)
    with pytest.raises(StoreUnavailable):
        pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.head(order_id).fulfillment_status is FulfillmentStatus.RESERVED
    assert pipeline.payments.count("void") == 0


def test_an_order_that_was_rejected_says_so_again_for_its_event(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    first = pipeline.reject(order_id, CLAIM, WHY)
    assert pipeline.reject(order_id, CLAIM, WHY) == first
    assert pipeline.payments.count("void") == 1


def test_an_execution_that_lost_its_claim_voids_nothing(pipeline: Pipeline) -> None:
    order_id = unfulfillable(pipeline)
    with pytest.raises(ClaimLost):
        pipeline.reject(order_id, "another", WHY)
    assert pipeline.payments.count("void") == 0
