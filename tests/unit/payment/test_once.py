"""The guard around the authorisation: Powertools' own logic over a table in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.domain.errors import ClaimLost, OrderBusy, OrderNotFound, PaymentOutcomeUnknown, StoreUnavailable
from lambdas.domain.identifiers import OrderId
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.payment.once import EXPIRES_SECONDS, KEY_PREFIX, make_guard
from tests.fakes.faults import nothing_happened
from tests.fakes.payments import DECLINED_CARD, GOOD_CARD, UNKNOWN_OUTCOME_CARD
from tests.fakes.pipeline import CLAIM, Pipeline

DAY = 24 * 3600


def claimed(pipeline: Pipeline, card: str | None = GOOD_CARD, **quantities: int) -> OrderId:
    """Accept and claim an order."""
    order_id = pipeline.accept(card=card, goods=quantities)
    pipeline.step("validate", order_id)
    return order_id


def test_a_step_that_runs_again_asks_the_provider_nothing_new(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    assert pipeline.step("authorise", order_id) == pipeline.step("authorise", order_id)
    assert pipeline.payments.count("create") == pipeline.payments.count("confirm") == 1


def test_the_record_is_named_by_an_explicit_prefix_and_outlives_every_redelivery(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    pipeline.step("authorise", order_id)
    (name,) = pipeline.idempotency.records
    assert name.startswith(f"{KEY_PREFIX}#")
    assert EXPIRES_SECONDS > (4 + 14) * DAY


def test_an_unknown_outcome_is_never_cached(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, UNKNOWN_OUTCOME_CARD)
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.step("authorise", order_id)
    assert not pipeline.idempotency.records
    assert pipeline.step("authorise", order_id) == {"outcome": "authorized"}


def test_another_run_of_the_same_step_at_this_moment_is_busy(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)

    class Overlapping:
        """Runs the step again from inside itself."""

        def find(self, _intent_id: str) -> None:
            """Never reached."""

        def create(self, _request: object) -> object:
            """The provider is slow and a second copy of the step arrives."""
            with pytest.raises(OrderBusy):
                pipeline.step("authorise", order_id)
            raise PaymentOutcomeUnknown("timeout")

    slow = replace(pipeline.authorise, payments=Overlapping())  # type: ignore[arg-type] # two of five
    pipeline.guarded = replace(pipeline.guarded, authorise=slow)
    with pytest.raises(PaymentOutcomeUnknown):
        pipeline.step("authorise", order_id)


def test_a_guard_that_does_not_answer_is_a_store_that_does_not_answer(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    pipeline.idempotency.faults.plan("put", nothing_happened(ConnectionError("down")))
    with pytest.raises(StoreUnavailable):
        pipeline.step("authorise", order_id)
    assert not pipeline.payments.calls


def test_a_decline_ends_the_order_and_a_second_run_says_so(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, DECLINED_CARD)
    first = pipeline.step("authorise", order_id)
    again = pipeline.step("authorise", order_id)
    assert (first["outcome"], again["outcome"]) == ("rejected", "already_ended")
    assert first["event"] == again["event"]


def test_an_order_of_nothing_needs_no_guard(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline, None, GIFT=1)
    assert pipeline.step("authorise", order_id) == {"outcome": "authorized"}
    assert not pipeline.idempotency.records


def test_a_foreign_claim_never_reaches_the_guard(pipeline: Pipeline) -> None:
    order_id = claimed(pipeline)
    with pytest.raises(ClaimLost):
        pipeline.step("authorise", order_id, "another")
    with pytest.raises(OrderNotFound):
        pipeline.step("authorise", OrderId("ord_" + "a" * 26))
    assert not pipeline.idempotency.records


def test_an_authorisation_that_expired_meanwhile_is_not_believed_from_the_cache(pipeline: Pipeline) -> None:
    # A card's hold lasts about seven days, the record twenty: the provider must be asked again.
    order_id = claimed(pipeline)
    pipeline.step("authorise", order_id)
    pipeline.orders.give_back(order_id, CLAIM, pipeline.clock.text, "fulfil:WarehouseUnavailable")
    pipeline.payments.expire("pi_0001")
    pipeline.clock.advance(8 * DAY)
    pipeline.step("validate", order_id, "replayed")
    result = pipeline.step("authorise", order_id, "replayed")
    assert result == {"outcome": "unfulfillable", "reason": "authorization_expired"}


def test_an_order_that_waits_for_a_person_does_so_after_every_replay(pipeline: Pipeline) -> None:
    # A cached outcome would end the workflow without writing the head: the order would hang in `processing`.
    order_id = claimed(pipeline)
    pipeline.step("authorise", order_id)
    pipeline.payments.expire("pi_0001")
    pipeline.clock.advance(EXPIRES_SECONDS + 1)
    pipeline.orders.claim(order_id, CLAIM, 2**40, pipeline.clock.text)
    pipeline.orders.heads[order_id] = replace(
        pipeline.head(order_id),
        fulfillment_status=FulfillmentStatus.RESERVED,
        payment_status=PaymentStatus.EXPIRED,
    )
    assert pipeline.step("authorise", order_id)["outcome"] == "attention_required"
    pipeline.step("validate", order_id, "replayed")
    pipeline.step("authorise", order_id, "replayed")
    assert pipeline.head(order_id).status is Status.ATTENTION_REQUIRED


def test_the_guard_checks_what_is_paid_for() -> None:
    config = make_guard("table", object()).config
    assert config.payload_validation_jmespath == "[currency, total, payment_method]"
    assert config.raise_on_no_idempotency_key
