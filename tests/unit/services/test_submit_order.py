from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.domain.catalogue import Product
from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import ClientId, order_id_for, queue_group_for
from lambdas.domain.order import PaymentStatus, Status
from lambdas.domain.request_body import InvalidBody
from lambdas.services.request_errors import IdempotencyKeyReused
from lambdas.services.submit_order import Accepted
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.pipeline import CLIENT, MUG, Pipeline

BODY: dict[str, Any] = {
    "currency": "GBP",
    "lines": [{"sku": "TEA", "quantity": 2}, {"sku": "MUG", "quantity": 1}],
    "payment_method": "pm_card_visa",
    "reference": "PO 7",
}


def submit(pipeline: Pipeline, body: object = BODY, key: str = "k", client: ClientId = CLIENT) -> Accepted:
    """Submit as a client without special scopes."""
    return pipeline.submit(client, key, body, may_choose_price=False)


def test_an_order_is_written_priced_and_sent_once(pipeline: Pipeline) -> None:
    accepted = submit(pipeline)
    stored = pipeline.head(accepted.order.order_id)
    assert not accepted.replayed
    assert accepted.order == stored
    assert stored.order_id == order_id_for(CLIENT, "k")
    assert (stored.status, stored.total, stored.tax) == (Status.ACCEPTED, 1_900, 150)
    assert stored.accepted_at == stored.updated_at == pipeline.clock.text
    assert [e.name for e in stored.timeline] == ["accepted"]
    (sent,) = pipeline.queue.sent
    assert json.loads(sent.body) == {"command": "process", "order_id": stored.order_id}
    assert sent.group == queue_group_for(CLIENT)


def test_the_message_holds_ids_only(pipeline: Pipeline) -> None:
    submit(pipeline)
    text = repr(pipeline.queue.sent)
    assert not any(secret in text for secret in ("pm_card", "PO 7", "TEA", CLIENT))


def test_the_same_request_again_gets_the_first_answer_again(pipeline: Pipeline) -> None:
    first = submit(pipeline)
    pipeline.clock.advance(60)
    again = submit(pipeline, dict(reversed(BODY.items())))
    assert again == Accepted(first.order, replayed=True)
    assert len(pipeline.orders.heads) == 1


def test_the_first_answer_is_given_even_after_the_order_has_ended(pipeline: Pipeline) -> None:
    first = submit(pipeline)
    pipeline.bring_to("publish", first.order.order_id)
    sent = len(pipeline.queue.sent)
    again = submit(pipeline)
    assert pipeline.head(first.order.order_id).status is Status.COMPLETED
    assert (again.order.status, again.order.payment_status) == (Status.ACCEPTED, PaymentStatus.PENDING)
    assert again.order.timeline == first.order.timeline
    assert len(pipeline.queue.sent) == sent


def test_a_replay_of_a_large_order_shows_its_lines(pipeline: Pipeline) -> None:
    lines = [{"sku": "TEA", "quantity": n} for n in range(1, 8)]
    first = submit(pipeline, {**BODY, "lines": lines})
    assert pipeline.head(first.order.order_id).lines is None
    assert submit(pipeline, {**BODY, "lines": lines}).order.lines == first.order.lines


def test_a_key_used_for_another_body_is_refused_and_changes_nothing(pipeline: Pipeline) -> None:
    first = submit(pipeline)
    with pytest.raises(IdempotencyKeyReused):
        submit(pipeline, {**BODY, "reference": "PO 8"})
    assert pipeline.head(first.order.order_id) == first.order
    assert len(pipeline.queue.sent) == 1


def test_a_key_belongs_to_its_client(pipeline: Pipeline) -> None:
    mine = submit(pipeline)
    theirs = submit(pipeline, {**BODY, "reference": "other"}, client=ClientId("client-2"))
    assert not theirs.replayed
    assert mine.order.order_id != theirs.order.order_id


def test_a_refused_request_writes_nothing_and_does_not_use_up_its_key(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidBody):
        submit(pipeline, {**BODY, "lines": [{"sku": "NOPE", "quantity": 1}]})
    assert not pipeline.orders.heads
    assert not pipeline.queue.sent
    assert not submit(pipeline).replayed


def test_a_send_that_fails_after_the_write_is_made_up_by_the_retry(pipeline: Pipeline) -> None:
    pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    with pytest.raises(QueueUnavailable):
        submit(pipeline)
    assert len(pipeline.orders.heads) == 1
    assert not pipeline.queue.sent
    assert submit(pipeline).replayed
    assert len(pipeline.queue.sent) == 1


def test_a_write_whose_answer_was_lost_is_found_by_the_retry(pipeline: Pipeline) -> None:
    pipeline.orders.faults.plan("create", answer_lost(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        submit(pipeline)
    assert not pipeline.queue.sent
    assert submit(pipeline).replayed
    assert len(pipeline.queue.sent) == 1


def test_a_retry_after_prices_changed_gets_the_order_at_its_first_prices(pipeline: Pipeline) -> None:
    first = submit(pipeline)
    pipeline.inventory.add(Product("TEA", "GBP", {"list": 999}, on_hand=1))
    assert submit(pipeline) == Accepted(first.order, replayed=True)


def test_a_retry_after_a_product_was_withdrawn_gets_its_order_too(pipeline: Pipeline) -> None:
    first = submit(pipeline)
    del pipeline.inventory.stored[MUG.sku]
    assert submit(pipeline) == Accepted(first.order, replayed=True)


def test_a_stated_total_that_was_right_stays_right_for_the_retry(pipeline: Pipeline) -> None:
    first = submit(pipeline, {**BODY, "total": 1_900})
    pipeline.inventory.add(Product("TEA", "GBP", {"list": 999}, on_hand=1))
    assert submit(pipeline, {**BODY, "total": 1_900}) == Accepted(first.order, replayed=True)


def test_a_used_key_with_a_body_that_cannot_be_sold_any_more_is_still_refused_as_reused(
    pipeline: Pipeline,
) -> None:
    submit(pipeline)
    with pytest.raises(IdempotencyKeyReused):
        submit(pipeline, {**BODY, "lines": [{"sku": "NOPE", "quantity": 1}]})


def test_an_order_without_a_total_is_accepted_without_a_card(pipeline: Pipeline) -> None:
    body = {"currency": "GBP", "lines": [{"sku": "GIFT", "quantity": 1}]}
    order = submit(pipeline, body).order
    assert (order.total, order.payment_method) == (0, None)
    assert order.payment_status is PaymentStatus.NOT_REQUIRED
