"""What must hold of stock, money and ledger, at every moment and when all is done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from lambdas.domain.ledger import RECEIVABLE, is_balanced, trial_balance
from lambdas.domain.order import TERMINAL, FulfillmentStatus, PaymentStatus, Status, quantities_by_sku
from lambdas.domain.payment import IntentState
from lambdas.domain.refund import RefundStatus, quantities_to_restock
from tests.contract.schemas import errors
from tests.fakes.pipeline import CLIENT

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from tests.properties.world import World

# How the money of an order that was not sold may end. (Expired: its void was not heard of.)
_FREE: Final = {
    PaymentStatus.DECLINED,
    PaymentStatus.VOIDED,
    PaymentStatus.EXPIRED,
    PaymentStatus.NOT_REQUIRED,
}


def check_always(world: World) -> None:
    """What holds at every moment."""
    pipeline = world.pipeline
    gone: Counter[str] = Counter()
    for head in pipeline.orders.heads.values():
        if head.fulfillment_status in {FulfillmentStatus.RESERVED, FulfillmentStatus.SHIPPED}:
            gone.update(quantities_by_sku(head.lines or ()))
        assert 0 <= head.refunds.refunded <= head.refunds.reserved <= head.total
    for refund in pipeline.refunds.stored.values():
        if refund.restocked:
            lines = pipeline.head(refund.order_id).lines or ()
            gone.subtract(quantities_to_restock(refund, lines))
    for sku, initial in world.initial.items():
        on_hand = pipeline.inventory.on_hand(sku)
        assert on_hand >= 0
        assert on_hand + gone[sku] == initial
    assert is_balanced(trial_balance(pipeline.journal.entries.values()))
    assert all(count == 1 for count in pipeline.payments.captures.values())
    assert pipeline.payments.refunded_total <= pipeline.payments.captured_total


def check_at_the_end(world: World) -> None:
    """What holds when all is done: every order has ended once, its money and its goods with it."""
    check_always(world)
    pipeline = world.pipeline
    for head in pipeline.orders.heads.values():
        _check_end(world, head)
        _check_refunds(world, head)
    booked = sum(
        p.amount
        for entry in pipeline.journal.entries.values()
        for p in entry.postings
        if p.account == RECEIVABLE
    )
    assert booked == pipeline.payments.captured_total - pipeline.payments.refunded_total
    assert {head.client for head in pipeline.orders.heads.values()} <= {CLIENT}


def _check_end(world: World, head: Order) -> None:
    pipeline, order_id = world.pipeline, head.order_id
    assert head.terminal, head
    assert head.claim is None
    assert not head.open
    ends = [e.name for e in head.timeline if e.name in TERMINAL]
    assert ends == [head.status]
    sold = head.status is Status.COMPLETED
    assert (order_id in pipeline.warehouse.shipments) == sold
    assert pipeline.payments.captures[order_id] == (1 if sold and head.total else 0)
    assert ((order_id, 1) in pipeline.journal.entries) == bool(sold and head.total)
    if head.status is Status.CANCELLED:
        assert head.cancellation
    if not sold:
        states = pipeline.payments.states_of(order_id)
        assert not states & {IntentState.AUTHORIZED, IntentState.CAPTURED}
        assert head.payment_status in _FREE


def _check_refunds(world: World, head: Order) -> None:
    pipeline, order_id = world.pipeline, head.order_id
    refunds = [r for r in pipeline.refunds.stored.values() if r.order_id == order_id]
    assert all(refund.finished for refund in refunds)
    done = [refund for refund in refunds if refund.status is RefundStatus.SUCCEEDED]
    assert head.refunds.refunded == head.refunds.reserved == sum(refund.amount for refund in done)
    for refund in done:
        assert len(pipeline.payments.refunds.all_of(refund.refund_id)) == 1
    numbers = [no for (of, no) in sorted(pipeline.journal.entries) if of == order_id]
    assert numbers == list(range(1, head.entries + 1))
    assert head.entries == (1 + len(done) if head.status is Status.COMPLETED and head.total else 0)
    if head.refunds.refunded == head.total and head.total:
        entries = [e for (of, _), e in pipeline.journal.entries.items() if of == order_id]
        assert all(b.debit == b.credit for b in trial_balance(entries))
    expected = {f"{order_id}.{head.status}"} | {f"{refund.refund_id}.succeeded" for refund in done}
    mine = (order_id, *(refund.refund_id for refund in refunds))
    events = [event for event in world.bus.events if event["id"].startswith(mine)]
    assert {event["id"] for event in events} == expected
    assert not any(errors(event) for event in events)
