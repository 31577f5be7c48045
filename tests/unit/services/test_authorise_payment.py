from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.errors import (
    ClaimLost,
    OrderCorrupt,
    PaymentOutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from lambdas.domain.order import FulfillmentStatus, Order, PaymentStatus, Status
from lambdas.domain.payment import IntentState
from tests.fakes.faults import Fault, answer_lost, nothing_happened
from tests.fakes.payments import (
    DECLINED_CARD,
    GOOD_CARD,
    HANGS_AFTER_CHARGE_CARD,
    POOR_CARD,
    PROVIDER_DOWN_CARD,
    SECURED_CARD,
    STALE_KEY_CARD,
    UNKNOWN_CARD,
    UNKNOWN_OUTCOME_CARD,
)
from tests.fakes.pipeline import CLAIM, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId
    from lambdas.services.step_result import StepResult

AUTHORIZED = {"outcome": "authorized"}


def claimed(pipeline: Pipeline, card: str | None = GOOD_CARD, **quantities: int) -> OrderId:
    """Accept and claim an order."""
    order_id = pipeline.accept(card=card, goods=quantities)
    pipeline.validate(order_id, CLAIM)
    return order_id


def authorise(pipeline: Pipeline, order_id: OrderId, claim: str = CLAIM) -> StepResult:
    """Run the step over the order as it stands."""
    return pipeline.authorise(pipeline.head(order_id), claim)


def change(pipeline: Pipeline, order_id: OrderId, **changes: Any) -> None:
    """Alter what is stored, behind the pipeline's back."""
    pipeline.orders.heads[order_id] = replace(pipeline.head(order_id), **changes)


def test_money_is_held_and_not_taken(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, TEA=2)
    assert authorise(pipeline, order_id) == AUTHORIZED
    intent = pipeline.payments.intent_of(order_id)
    assert (intent.state, intent.amount.minor, intent.captured) == (IntentState.AUTHORIZED, 900, 0)


def test_the_payments_id_is_stored_before_any_money_is_held(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    pipeline.payments.faults.plan("confirm", nothing_happened(ProviderUnavailable("down")))
    with pytest.raises(ProviderUnavailable):
        authorise(pipeline, order_id)
    intent = pipeline.payments.intent_of(order_id)
    assert intent.state is IntentState.UNCONFIRMED
    assert pipeline.head(order_id).payment_intent == intent.intent_id


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (DECLINED_CARD, "generic_decline"),
        (POOR_CARD, "insufficient_funds"),
        (SECURED_CARD, "authentication_required"),
        (UNKNOWN_CARD, "resource_missing"),
    ],
)
def test_a_decline_is_an_outcome_with_its_code(pipeline: Pipeline, card: str, code: str) -> None:
    order_id = claimed(pipeline, card)
    result = authorise(pipeline, order_id)
    assert (result["outcome"], result["event"]["data"]["reason"]) == ("rejected", f"payment_declined:{code}")
    head = pipeline.head(order_id)
    assert (head.status, head.payment_status) == (Status.REJECTED, PaymentStatus.DECLINED)
    assert head.claim is None


def test_an_unknown_outcome_is_raised_and_the_next_try_retrieves_first(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, UNKNOWN_OUTCOME_CARD)
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert [name for name, _ in pipeline.payments.calls] == ["create", "confirm", "find", "confirm"]


def test_a_hang_after_the_money_was_held_is_found_and_not_repeated(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, HANGS_AFTER_CHARGE_CARD)
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert pipeline.payments.count("confirm") == 1
    assert len(pipeline.payments.intents) == 1


def test_an_answer_to_create_that_was_lost_makes_no_second_payment(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    pipeline.payments.faults.plan("create", answer_lost(PaymentOutcomeUnknown("timeout")))
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert len(pipeline.payments.intents) == 1


@pytest.mark.parametrize("fault", [nothing_happened, answer_lost])
def test_a_failed_write_of_the_payments_id_makes_no_second_payment(
    pipeline: Pipeline, fault: Callable[[Exception], Fault]
) -> None:
    order_id = claimed(pipeline)
    pipeline.orders.faults.plan("save", fault(StoreUnavailable("down")))
    with pytest.raises(StoreUnavailable):
        authorise(pipeline, order_id)
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert len(pipeline.payments.intents) == 1


def test_a_declines_write_that_was_lost_is_made_up_by_the_next_try(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, DECLINED_CARD)
    pipeline.orders.faults.plan("save", None, nothing_happened(StoreUnavailable("down")))
    with pytest.raises(StoreUnavailable):
        authorise(pipeline, order_id)
    assert authorise(pipeline, order_id)["outcome"] == "rejected"
    assert pipeline.payments.count("confirm") == 1


def test_a_provider_that_is_down_holds_nothing(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, PROVIDER_DOWN_CARD)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            authorise(pipeline, order_id)
    assert pipeline.payments.intent_of(order_id).state is IntentState.UNCONFIRMED
    assert pipeline.head(order_id).status is Status.PROCESSING


def test_a_replayed_failure_stores_the_next_generation_of_keys_before_it_is_used(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, STALE_KEY_CARD)
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)
    with pytest.raises(ProviderUnavailable):
        authorise(pipeline, order_id)
    assert pipeline.head(order_id).key_generation == 1
    assert f"{order_id}/confirm/1" not in pipeline.payments.keys
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert pipeline.payments.keys[-1] == f"{order_id}/confirm/1"


def test_a_generation_that_could_not_be_stored_is_not_used(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    pipeline.payments.save_failure("create")
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)
    pipeline.orders.faults.plan("save", nothing_happened(StoreUnavailable("down")))
    with pytest.raises(StoreUnavailable):
        authorise(pipeline, order_id)
    assert set(pipeline.payments.keys) == {f"{order_id}/create/0"}
    with pytest.raises(ProviderUnavailable):
        authorise(pipeline, order_id)
    assert authorise(pipeline, order_id) == AUTHORIZED


def test_an_authorisation_that_expired_before_goods_were_held_rejects(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    authorise(pipeline, order_id)
    pipeline.payments.expire("pi_0001")
    result = authorise(pipeline, order_id)
    assert result == {"outcome": "unfulfillable", "reason": "authorization_expired"}
    for step in ("release", "reject"):
        result = pipeline.step(step, order_id, reason="authorization_expired")
    head = pipeline.head(order_id)
    assert (head.status, head.reason) == (Status.REJECTED, "authorization_expired")
    assert head.payment_status is PaymentStatus.EXPIRED
    assert head.fulfillment_status is FulfillmentStatus.UNRESERVED
    assert pipeline.payments.count("confirm") == 1
    assert not pipeline.payments.count("void")


@pytest.mark.parametrize("state", [IntentState.CANCELED, IntentState.DECLINED])
def test_an_authorisation_lost_after_goods_were_held_waits_for_a_person(
    pipeline: Pipeline, state: IntentState
) -> None:
    order_id = claimed(pipeline)
    authorise(pipeline, order_id)
    intents = pipeline.payments.intents
    intents["pi_0001"] = replace(intents["pi_0001"], state=state)
    change(
        pipeline,
        order_id,
        fulfillment_status=FulfillmentStatus.RESERVED,
        payment_status=PaymentStatus.AUTHORIZED,
    )
    result = authorise(pipeline, order_id)
    assert result["outcome"] == "attention_required"
    head = pipeline.head(order_id)
    assert (head.status, head.reason) == (Status.ATTENTION_REQUIRED, f"{state}_after_reservation")
    assert head.fulfillment_status is FulfillmentStatus.RESERVED
    assert head.claim is None


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_status": PaymentStatus.NOT_REQUIRED},
        {"fulfillment_status": FulfillmentStatus.RELEASED, "payment_status": PaymentStatus.AUTHORIZED},
    ],
    ids=["nothing to pay", "on its way to be rejected"],
)
def test_an_order_that_needs_no_money_asks_the_provider_nothing(
    pipeline: Pipeline, changes: dict[str, Any]
) -> None:
    order_id = claimed(pipeline)
    change(pipeline, order_id, **changes)
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert not pipeline.payments.calls


def test_an_order_of_nothing_makes_no_payment(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, None, GIFT=1)
    assert authorise(pipeline, order_id) == AUTHORIZED
    assert not pipeline.payments.intents


def test_a_payment_that_was_captured_before_goes_on(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    authorise(pipeline, order_id)
    head = pipeline.head(order_id)
    pipeline.payments.capture(order_id, "pi_0001", head.amount, 0)
    assert authorise(pipeline, order_id) == AUTHORIZED


def test_a_payment_that_is_still_pending_is_an_unknown_outcome(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    authorise(pipeline, order_id)
    pipeline.payments.intents["pi_0001"] = replace(
        pipeline.payments.intents["pi_0001"], state=IntentState.PENDING
    )
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)


def test_a_payment_of_another_amount_is_never_confirmed(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, TEA=1)
    pipeline.payments.faults.plan("confirm", nothing_happened(PaymentOutcomeUnknown("timeout")))
    with pytest.raises(PaymentOutcomeUnknown):
        authorise(pipeline, order_id)
    change(pipeline, order_id, total=451)
    with pytest.raises(OrderCorrupt):
        authorise(pipeline, order_id)
    assert pipeline.payments.count("confirm") == 1


def test_a_total_without_a_payment_method_is_corrupt(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    change(pipeline, order_id, payment_method=None)
    with pytest.raises(OrderCorrupt):
        authorise(pipeline, order_id)
    assert not pipeline.payments.intents


def test_an_execution_that_lost_its_claim_confirms_nothing(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    mine: Order = pipeline.head(order_id)
    change(pipeline, order_id, claim="another")
    with pytest.raises(ClaimLost):
        pipeline.authorise(mine, CLAIM)
    assert pipeline.payments.count("confirm") == 0


def test_a_providers_refusal_is_not_taken_for_a_decline(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    pipeline.payments.faults.plan("confirm", nothing_happened(ProviderRefused("401")))
    with pytest.raises(ProviderRefused):
        authorise(pipeline, order_id)
    assert pipeline.head(order_id).status is Status.PROCESSING
