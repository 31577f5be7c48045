from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import ClientId, OrderId, queue_group_for, refund_id_for
from lambdas.domain.order import PaymentStatus, RefundSums, Status
from lambdas.domain.refund import RefundLine, RefundStatus
from lambdas.domain.request_body import InvalidBody
from lambdas.services.own_order import AMENDMENT_TRIES
from lambdas.services.request_errors import IdempotencyKeyReused, NotRefundable, OrderUnknown
from tests.fakes.faults import answer_lost, nothing_happened
from tests.fakes.payments import DECLINED_CARD
from tests.fakes.pipeline import CLIENT, Pipeline
from tests.fakes.provider_refunds import refused_with
from tests.fakes.refunding import CLAIM, sold, stored

if TYPE_CHECKING:
    from lambdas.services.request_refund import RefundTaken

STRANGER = ClientId("client-2")


def ask(
    pipeline: Pipeline, order_id: str, key: str = "k", client: ClientId = CLIENT, **wish: Any
) -> RefundTaken:
    """Ask for a refund, of everything by default."""
    return pipeline.request_refund(client, order_id, key, {"reason_code": "returned", **wish})


def be_faster(pipeline: Pipeline, order_id: OrderId, times: int) -> None:
    """Let another writer change the head before each of the next requests."""
    left = [None] * times

    def overtake(operation: str) -> None:
        if operation == "request" and left:
            left.pop()
            head = pipeline.head(order_id)
            pipeline.orders.heads[order_id] = replace(head, revision=head.revision + 1)

    pipeline.refunds.faults.before = overtake


def test_a_refund_is_written_reserved_and_sent(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    pipeline.clock.advance(60)
    taken = ask(pipeline, order_id, lines=[{"line": 1, "quantity": 1}], restock=True)
    refund = stored(pipeline, taken.refund.refund_id)
    head = pipeline.head(order_id)
    assert (taken.refund, taken.lines, taken.replayed) == (refund, head.lines, False)
    assert refund.refund_id == refund_id_for(order_id, CLIENT, "k")
    assert (refund.order_id, refund.amount, refund.currency) == (order_id, 450, "GBP")
    assert (refund.lines, refund.restock, refund.reason_code) == ((RefundLine(1, 1),), True, "returned")
    assert (refund.status, refund.requested_at) == (RefundStatus.REQUESTED, pipeline.clock.text)
    assert head.refunds == RefundSums(reserved=450, unfinished=1)
    assert (head.status, head.payment_status, head.claim) == (Status.COMPLETED, PaymentStatus.CAPTURED, None)
    (sent,) = pipeline.queue.sent
    command = {"command": "refund", "order_id": order_id, "refund_id": refund.refund_id}
    assert json.loads(sent.body) == command
    assert sent.group == queue_group_for(CLIENT)


def test_the_provider_hears_nothing_of_it_yet(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    calls = len(pipeline.payments.calls)
    ask(pipeline, order_id)
    assert len(pipeline.payments.calls) == calls


def test_a_refund_of_a_large_order_is_by_its_own_lines(pipeline: Pipeline) -> None:
    lines = [{"sku": "TEA", "quantity": n} for n in range(1, 6)]
    body = {"currency": "GBP", "lines": lines, "payment_method": "pm_card_visa"}
    order_id = pipeline.submit(CLIENT, "large", body, may_choose_price=False).order.order_id
    pipeline.bring_to("publish", order_id)
    assert pipeline.head(order_id).lines is None
    taken = ask(pipeline, order_id, lines=[{"line": 5, "quantity": 5}])
    assert (taken.refund.amount, len(taken.lines)) == (5 * 450, 5)


def test_the_same_request_again_gets_the_first_answer_again(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    first = ask(pipeline, order_id, amount=100)
    pipeline.clock.advance(60)
    again = ask(pipeline, order_id, amount=100)
    assert (again.refund, again.lines, again.replayed) == (first.refund, first.lines, True)
    assert pipeline.head(order_id).refunds.reserved == 100
    assert len(pipeline.queue.sent) == 2


def test_the_first_answer_is_given_even_after_all_is_refunded_and_not_sent_again(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    first = ask(pipeline, order_id)
    pipeline.claim_refund(order_id, first.refund.refund_id, CLAIM)
    pipeline.clock.advance(60)
    pipeline.refund(order_id, first.refund.refund_id, CLAIM)
    assert stored(pipeline, first.refund.refund_id).status is RefundStatus.SUCCEEDED
    again = ask(pipeline, order_id)
    assert (again.refund, again.replayed) == (first.refund, True)
    assert len(pipeline.queue.sent) == 1


def test_a_failed_refund_keeps_its_key_and_another_key_asks_anew(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    pipeline.payments.refund_outcomes.append(refused_with("charge_disputed"))
    first = ask(pipeline, order_id)
    pipeline.claim_refund(order_id, first.refund.refund_id, CLAIM)
    pipeline.refund(order_id, first.refund.refund_id, CLAIM)
    assert ask(pipeline, order_id).refund == first.refund
    assert len(pipeline.queue.sent) == 1
    assert not ask(pipeline, order_id, "another").replayed
    assert pipeline.head(order_id).refunds == RefundSums(reserved=900, unfinished=1)


def test_a_key_belongs_to_one_body(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    ask(pipeline, order_id, amount=100)
    for wish in ({"amount": 101}, {}, {"amount": 100, "reason_code": "goodwill"}, {"amount": 10_000}):
        with pytest.raises(IdempotencyKeyReused):
            ask(pipeline, order_id, **wish)
    assert pipeline.head(order_id).refunds.reserved == 100


def test_one_key_may_refund_several_orders(pipeline: Pipeline) -> None:
    one, other = sold(pipeline), sold(pipeline, "key-2")
    assert ask(pipeline, one).refund.refund_id != ask(pipeline, other).refund.refund_id


def test_two_keys_are_two_refunds_within_what_was_captured(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    ask(pipeline, order_id, "a", amount=500)
    with pytest.raises(InvalidBody) as refused:
        ask(pipeline, order_id, "b", amount=401)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("/amount", "exceeds_refundable")
    assert problem.facts == {"refundable": 400}
    ask(pipeline, order_id, "b", amount=400)
    assert pipeline.head(order_id).refunds == RefundSums(reserved=900, unfinished=2)


@pytest.mark.parametrize("before", ["validate", "authorise", "fulfil", "capture"])
def test_an_order_that_is_not_sold_yet_is_not_refundable(pipeline: Pipeline, before: str) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to(before, order_id)
    with pytest.raises(NotRefundable):
        ask(pipeline, order_id)
    assert not pipeline.refunds.stored


def test_a_rejected_and_a_cancelled_order_are_not_refundable(pipeline: Pipeline) -> None:
    declined = pipeline.accept(card=DECLINED_CARD)
    pipeline.bring_to("fulfil", declined)
    stopped = pipeline.accept("key-2")
    pipeline.cancel(stopped)
    pipeline.step("validate", stopped)
    pipeline.step("reject", stopped, reason="cancelled")
    for order_id in (declined, stopped):
        with pytest.raises(NotRefundable):
            ask(pipeline, order_id)


def test_an_order_of_nothing_is_not_refundable(pipeline: Pipeline) -> None:
    with pytest.raises(NotRefundable):
        ask(pipeline, sold(pipeline, GIFT=1))


@pytest.mark.parametrize("order_id", ["ord_" + "a" * 26, "nonsense", ""])
def test_an_order_that_nobody_accepted_is_unknown(pipeline: Pipeline, order_id: str) -> None:
    with pytest.raises(OrderUnknown):
        ask(pipeline, order_id)


def test_anothers_order_looks_like_none(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    with pytest.raises(OrderUnknown):
        ask(pipeline, order_id, client=STRANGER)
    assert pipeline.head(order_id).refunds == RefundSums()


def test_an_invalid_wish_is_refused_before_the_order_is_looked_up(pipeline: Pipeline) -> None:
    pipeline.orders.faults.plan("get", nothing_happened(AssertionError("looked up")))
    with pytest.raises(InvalidBody):
        ask(pipeline, "ord_" + "a" * 26, amount=0)


@pytest.mark.parametrize("times", [1, AMENDMENT_TRIES - 1])
def test_a_head_that_others_change_is_read_again(pipeline: Pipeline, times: int) -> None:
    order_id = sold(pipeline)
    be_faster(pipeline, order_id, times)
    assert not ask(pipeline, order_id).replayed
    assert len(pipeline.queue.sent) == 1


def test_a_head_that_others_change_all_the_time_is_to_be_tried_again_later(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    be_faster(pipeline, order_id, AMENDMENT_TRIES)
    with pytest.raises(StoreUnavailable):
        ask(pipeline, order_id)
    assert not pipeline.refunds.stored
    assert not pipeline.queue.sent


def test_two_refunds_at_once_never_reserve_more_than_there_is(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)

    def overtake(operation: str) -> None:
        if operation == "request":
            pipeline.refunds.faults.before = None
            ask(pipeline, order_id, "faster", amount=500)

    pipeline.refunds.faults.before = overtake
    with pytest.raises(InvalidBody) as refused:
        ask(pipeline, order_id, amount=500)
    assert refused.value.problems[0].facts == {"refundable": 400}
    assert pipeline.head(order_id).refunds == RefundSums(reserved=500, unfinished=1)


def test_the_same_request_twice_at_once_is_one_refund(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)

    def overtake(operation: str) -> None:
        if operation == "request":
            pipeline.refunds.faults.before = None
            ask(pipeline, order_id)

    pipeline.refunds.faults.before = overtake
    assert ask(pipeline, order_id).replayed
    assert pipeline.head(order_id).refunds == RefundSums(reserved=900, unfinished=1)
    assert len(pipeline.refunds.stored) == 1


def test_a_refund_may_be_asked_for_while_another_one_is_carried_out(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    first = ask(pipeline, order_id, "a", amount=100).refund.refund_id
    pipeline.claim_refund(order_id, first, CLAIM)
    ask(pipeline, order_id, "b", amount=200)
    head = pipeline.head(order_id)
    assert (head.claim, head.refunds) == (CLAIM, RefundSums(reserved=300, unfinished=2))


def test_a_refund_whose_write_nobody_heard_of_is_found_by_the_same_request(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    pipeline.refunds.faults.plan("request", answer_lost(StoreUnavailable("timeout")))
    with pytest.raises(StoreUnavailable):
        ask(pipeline, order_id)
    assert not pipeline.queue.sent
    assert ask(pipeline, order_id).replayed
    assert len(pipeline.queue.sent) == 1
    assert pipeline.head(order_id).refunds == RefundSums(reserved=900, unfinished=1)


def test_a_message_that_could_not_be_sent_is_sent_by_the_same_request(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    pipeline.queue.faults.plan("send", nothing_happened(QueueUnavailable("down")))
    with pytest.raises(QueueUnavailable):
        ask(pipeline, order_id)
    assert ask(pipeline, order_id).replayed
    (sent,) = pipeline.queue.sent
    assert json.loads(sent.body)["command"] == "refund"


def test_a_refund_that_waits_for_an_operator_is_not_sent_again_by_its_client(pipeline: Pipeline) -> None:
    order_id = sold(pipeline)
    refund_id = ask(pipeline, order_id).refund.refund_id
    pipeline.refunds.set_refund_aside(order_id, refund_id, pipeline.clock.text, "refund:ProviderRefused")
    pipeline.queue.sent.clear()
    again = ask(pipeline, order_id)
    assert (again.refund.status, again.refund.failure) == (RefundStatus.REQUESTED, None)
    assert not pipeline.queue.sent
