from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import ClientId, OrderId, queue_group_for
from lambdas.domain.order import CancellationStatus, Status
from lambdas.domain.request_body import InvalidBody
from lambdas.services.own_order import AMENDMENT_TRIES
from lambdas.services.request_errors import (
    AlreadyEnded,
    IdempotencyKeyReused,
    OrderUnknown,
    TooLateToCancel,
)
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.payments import DECLINED_CARD
from tests.fakes.pipeline import CLAIM, CLIENT, Pipeline

if TYPE_CHECKING:
    from lambdas.services.cancel_order import CancellationTaken

STRANGER = ClientId("client-2")


def cancel(
    pipeline: Pipeline, order_id: str, key: str = "k", body: object = None, client: ClientId = CLIENT
) -> CancellationTaken:
    """Ask for the end of an order; without a body for no reason."""
    return pipeline.request_cancel(client, order_id, key, {} if body is None else body)


def accepted(pipeline: Pipeline, card: str | None = None) -> OrderId:
    """An accepted order whose first message is gone from the queue."""
    order_id = pipeline.accept(card=card) if card else pipeline.accept()
    pipeline.queue.sent.clear()
    return order_id


def cancelled(pipeline: Pipeline, key: str = "k") -> OrderId:
    """An order that was cancelled under a key."""
    order_id = accepted(pipeline)
    cancel(pipeline, order_id, key)
    pipeline.step("validate", order_id)
    pipeline.step("release", order_id, reason="cancelled")
    pipeline.step("reject", order_id, reason="cancelled")
    pipeline.queue.sent.clear()
    return order_id


def be_faster(pipeline: Pipeline, order_id: OrderId, times: int) -> None:
    """Let another writer change the head before each of the next amendments."""
    left = [None] * times

    def overtake(operation: str) -> None:
        if operation == "amend" and left:
            left.pop()
            head = pipeline.head(order_id)
            pipeline.orders.heads[order_id] = replace(head, revision=head.revision + 1)

    pipeline.orders.faults.before = overtake


def test_the_wish_is_on_the_head_and_on_the_queue(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    taken = cancel(pipeline, order_id, body={"reason_code": "mistake"})
    head = pipeline.head(order_id)
    assert (taken.order, taken.cancellation, taken.replayed) == (head, head.cancellation, False)
    assert head.cancellation
    assert (head.cancellation.reason_code, head.cancellation.requested_at) == ("mistake", pipeline.clock.text)
    assert (head.status, head.timeline[-1].name) == (Status.ACCEPTED, "cancel_requested")
    (sent,) = pipeline.queue.sent
    assert json.loads(sent.body) == {"command": "cancel", "order_id": order_id}
    assert sent.group == queue_group_for(CLIENT)


def test_the_head_keeps_a_digest_of_the_key_and_not_the_key(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    cancel(pipeline, order_id, "my-secret-key")
    assert "my-secret-key" not in repr(pipeline.head(order_id))


@pytest.mark.parametrize("before", ["authorise", "fulfil", "capture"])
def test_the_wish_is_written_beside_whoever_holds_the_order(pipeline: Pipeline, before: str) -> None:
    order_id = accepted(pipeline)
    pipeline.bring_to(before, order_id)
    held = pipeline.head(order_id)
    cancel(pipeline, order_id)
    head = pipeline.head(order_id)
    assert (head.claim, head.claim_until, head.status) == (CLAIM, held.claim_until, Status.PROCESSING)
    assert head.revision == held.revision + 1


def test_an_order_that_waits_for_an_operator_can_be_cancelled(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    pipeline.bring_to("fulfil", order_id)
    pipeline.orders.give_back(order_id, CLAIM, pipeline.clock.text, "fulfil:WarehouseUnavailable")
    cancel(pipeline, order_id)
    assert pipeline.head(order_id).cancellation_status is CancellationStatus.REQUESTED
    assert len(pipeline.queue.sent) == 1


def test_the_same_request_again_gets_the_first_answer_again_and_is_sent_again(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    first = cancel(pipeline, order_id)
    pipeline.clock.advance(60)
    again = cancel(pipeline, order_id)
    assert (again.cancellation, again.replayed) == (first.cancellation, True)
    assert pipeline.head(order_id).revision == first.order.revision
    assert len(pipeline.queue.sent) == 2


@pytest.mark.parametrize("first", [{}, {"reason_code": "mistake"}])
def test_a_key_belongs_to_one_body(pipeline: Pipeline, first: object) -> None:
    order_id = accepted(pipeline)
    cancel(pipeline, order_id, body=first)
    with pytest.raises(IdempotencyKeyReused):
        cancel(pipeline, order_id, body={"reason_code": "other"})
    assert len(pipeline.queue.sent) == 1


def test_another_key_finds_the_cancellation_that_there_is(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    first = cancel(pipeline, order_id, "k", {"reason_code": "mistake"})
    other = cancel(pipeline, order_id, "another", {"reason_code": "other"})
    assert (other.cancellation, other.replayed) == (first.cancellation, False)


def test_one_key_may_cancel_several_orders(pipeline: Pipeline) -> None:
    one, other = accepted(pipeline), pipeline.accept("key-2")
    assert not cancel(pipeline, one).replayed
    assert not cancel(pipeline, other).replayed
    assert pipeline.head(other).cancellation


def test_an_order_that_is_cancelled_stays_so_for_every_key_and_is_not_sent_again(pipeline: Pipeline) -> None:
    order_id = cancelled(pipeline)
    assert pipeline.head(order_id).status is Status.CANCELLED
    assert cancel(pipeline, order_id).replayed
    assert not cancel(pipeline, order_id, "another").replayed
    assert not pipeline.queue.sent


def test_a_shipped_order_is_too_late_to_cancel(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    pipeline.bring_to("publish", order_id)
    sold = pipeline.head(order_id)
    with pytest.raises(TooLateToCancel):
        cancel(pipeline, order_id)
    assert pipeline.head(order_id) == sold
    assert not pipeline.queue.sent


def test_a_rejected_order_has_ended_already(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline, DECLINED_CARD)
    pipeline.bring_to("fulfil", order_id)
    with pytest.raises(AlreadyEnded):
        cancel(pipeline, order_id)
    assert pipeline.head(order_id).cancellation is None


def test_a_wish_that_came_too_late_is_answered_again_and_every_other_one_refused(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    pipeline.bring_to("capture", order_id)
    cancel(pipeline, order_id)
    pipeline.step("capture", order_id)
    assert pipeline.head(order_id).cancellation_status is CancellationStatus.REFUSED
    pipeline.queue.sent.clear()
    assert cancel(pipeline, order_id).replayed
    with pytest.raises(TooLateToCancel):
        cancel(pipeline, order_id, "another")
    assert not pipeline.queue.sent


def test_a_wish_that_was_overtaken_by_a_rejection_is_answered_again_and_every_other_one_refused(
    pipeline: Pipeline,
) -> None:
    """As for a shipped order: 202 `requested` would promise an end that the order has had already."""
    order_id = pipeline.accept(MUG=6)
    pipeline.bring_to("capture", order_id)
    cancel(pipeline, order_id)
    pipeline.step("reject", order_id, reason="out_of_stock")
    assert pipeline.head(order_id).cancellation_status is CancellationStatus.REFUSED
    assert cancel(pipeline, order_id).replayed
    with pytest.raises(AlreadyEnded):
        cancel(pipeline, order_id, "another")


@pytest.mark.parametrize("order_id", ["ord_" + "a" * 26, "nonsense", ""])
def test_an_order_that_nobody_accepted_is_unknown(pipeline: Pipeline, order_id: str) -> None:
    with pytest.raises(OrderUnknown):
        cancel(pipeline, order_id)


def test_anothers_order_looks_like_none_and_stays_as_it_is(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    before = pipeline.head(order_id)
    with pytest.raises(OrderUnknown):
        cancel(pipeline, order_id, client=STRANGER)
    assert (pipeline.head(order_id), pipeline.queue.sent) == (before, [])


def test_an_invalid_wish_is_refused_before_the_order_is_looked_up(pipeline: Pipeline) -> None:
    pipeline.orders.faults.plan("get", nothing_happened(AssertionError("looked up")))
    with pytest.raises(InvalidBody):
        cancel(pipeline, "ord_" + "a" * 26, body={"reason_code": "boredom"})


@pytest.mark.parametrize("times", [1, AMENDMENT_TRIES - 1])
def test_a_head_that_others_change_is_read_again(pipeline: Pipeline, times: int) -> None:
    order_id = accepted(pipeline)
    be_faster(pipeline, order_id, times)
    assert not cancel(pipeline, order_id).replayed
    assert pipeline.head(order_id).cancellation
    assert len(pipeline.queue.sent) == 1


def test_a_head_that_others_change_all_the_time_is_to_be_tried_again_later(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    be_faster(pipeline, order_id, AMENDMENT_TRIES)
    with pytest.raises(StoreUnavailable):
        cancel(pipeline, order_id)
    assert pipeline.head(order_id).cancellation is None
    assert not pipeline.queue.sent


def test_an_order_that_is_shipped_while_the_wish_is_written_is_too_late(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    pipeline.bring_to("capture", order_id)

    def ship(operation: str) -> None:
        if operation == "amend":
            pipeline.orders.faults.before = None
            pipeline.step("capture", order_id)

    pipeline.orders.faults.before = ship
    with pytest.raises(TooLateToCancel):
        cancel(pipeline, order_id)
    assert pipeline.head(order_id).cancellation is None


def test_a_wish_of_another_request_that_was_faster_is_found(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)

    def ask(operation: str) -> None:
        if operation == "amend":
            pipeline.orders.faults.before = None
            cancel(pipeline, order_id, "faster", {"reason_code": "duplicate"})

    pipeline.orders.faults.before = ask
    taken = cancel(pipeline, order_id, body={"reason_code": "other"})
    assert (taken.cancellation.reason_code, taken.replayed) == ("duplicate", False)
    assert [e.name for e in pipeline.head(order_id).timeline].count("cancel_requested") == 1


def test_a_wish_whose_write_nobody_heard_of_is_found_by_the_same_request(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    pipeline.orders.faults.plan("amend", answer_lost(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        cancel(pipeline, order_id)
    assert not pipeline.queue.sent
    assert cancel(pipeline, order_id).replayed
    assert len(pipeline.queue.sent) == 1
    assert [e.name for e in pipeline.head(order_id).timeline].count("cancel_requested") == 1


def test_a_message_that_could_not_be_sent_is_sent_by_the_same_request(pipeline: Pipeline) -> None:
    order_id = accepted(pipeline)
    pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    with pytest.raises(QueueUnavailable):
        cancel(pipeline, order_id)
    assert pipeline.head(order_id).cancellation
    assert cancel(pipeline, order_id).replayed
    assert [json.loads(m.body)["command"] for m in pipeline.queue.sent] == ["cancel"]
