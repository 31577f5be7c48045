"""What must hold of stock, money and ledger, at every moment and when all is done."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from lambdas.domain.ledger import RECEIVABLE, is_balanced, trial_balance
from lambdas.domain.order import TERMINAL, FulfillmentStatus, PaymentStatus, Status, quantities_by_sku
from lambdas.domain.payment import IntentState
from lambdas.domain.refund import RefundStatus, quantities_to_restock
from tests.contract.schemas import errors
from tests.fakes.pipeline import CLIENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund
    from tests.fakes.pipeline import Pipeline
    from tests.properties.walk import Bus

# How the money of an order that was not sold may end. (Expired: its void was not heard of.)
_FREE: Final = {
    PaymentStatus.DECLINED,
    PaymentStatus.VOIDED,
    PaymentStatus.EXPIRED,
    PaymentStatus.NOT_REQUIRED,
}
_AWAY: Final = {FulfillmentStatus.RESERVED, FulfillmentStatus.SHIPPED}


class Scene(Protocol):
    """A pipeline whose orders are looked at; `initial` is what was on hand of each SKU at first."""

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline."""
        ...

    @property
    def bus(self) -> Bus:
        """Where it publishes."""
        ...

    @property
    def initial(self) -> Mapping[str, int]:
        """What was on hand."""
        ...


def check_always(world: Scene) -> None:
    """What holds at every moment."""
    pipeline = world.pipeline
    gone: Counter[str] = Counter()
    for head in pipeline.orders.heads.values():
        if head.order_id in pipeline.inventory.parts:
            gone.update(pipeline.inventory.parts[head.order_id])
        elif head.fulfillment_status in _AWAY:
            gone.update(quantities_by_sku(_lines(pipeline, head)))
        assert 0 <= head.refunds.refunded <= head.refunds.reserved <= head.total
    for refund in pipeline.refunds.stored.values():
        if refund.restocked:
            lines = _lines(pipeline, pipeline.head(refund.order_id))
            gone.subtract(quantities_to_restock(refund, lines))
    for sku, initial in world.initial.items():
        on_hand = pipeline.inventory.on_hand(sku)
        assert on_hand >= 0
        assert on_hand + gone[sku] == initial
    assert is_balanced(trial_balance(pipeline.journal.entries.values()))
    assert all(count == 1 for count in pipeline.payments.captures.values())
    assert pipeline.payments.refunded_total <= pipeline.payments.captured_total


def check_at_the_end(world: Scene) -> None:
    """What holds when all is done: every order has ended once, its money and its goods with it."""
    check_always(world)
    pipeline = world.pipeline
    found = _found_by_order(world)
    for head in pipeline.orders.heads.values():
        _check_end(pipeline, head, found[head.order_id])
        _check_refunds(pipeline, head, found[head.order_id])
    booked = sum(
        p.amount
        for entry in pipeline.journal.entries.values()
        for p in entry.postings
        if p.account == RECEIVABLE
    )
    assert booked == pipeline.payments.captured_total - pipeline.payments.refunded_total
    assert {head.client for head in pipeline.orders.heads.values()} <= {CLIENT}


@dataclass(slots=True)
class _Found:
    """What there is beside an order's head."""

    refunds: list[Refund] = field(default_factory=list)
    entries: dict[int, JournalEntry] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    payments: set[IntentState] = field(default_factory=set)


def _found_by_order(world: Scene) -> dict[str, _Found]:
    pipeline = world.pipeline
    found: dict[str, _Found] = defaultdict(_Found)
    for refund in pipeline.refunds.stored.values():
        found[refund.order_id].refunds.append(refund)
    for (order_id, number), entry in pipeline.journal.entries.items():
        found[order_id].entries[number] = entry
    for event in world.bus.events:
        found[event["subject"]].events.append(event)
    for order_id, intent in pipeline.payments.all_intents():
        found[order_id].payments.add(intent.state)
    return found


def _check_end(pipeline: Pipeline, head: Order, found: _Found) -> None:
    order_id = head.order_id
    assert head.terminal, head
    assert head.claim is None
    assert not head.open
    ends = [e.name for e in head.timeline if e.name in TERMINAL]
    assert ends == [head.status]
    sold = head.status is Status.COMPLETED
    assert (order_id in pipeline.warehouse.shipments) == sold
    assert pipeline.payments.captures[order_id] == (1 if sold and head.total else 0)
    assert (1 in found.entries) == bool(sold and head.total)
    goods = quantities_by_sku(_lines(pipeline, head))
    assert pipeline.inventory.parts.get(order_id) in (None, goods if sold else {})
    if sold:
        assert pipeline.warehouse.shipments[order_id] == goods
    if head.status is Status.CANCELLED:
        assert head.cancellation
    if not sold:
        assert not found.payments & {IntentState.AUTHORIZED, IntentState.CAPTURED}
        assert head.payment_status in _FREE


def _check_refunds(pipeline: Pipeline, head: Order, found: _Found) -> None:
    refunds = found.refunds
    assert all(refund.finished for refund in refunds)
    done = [refund for refund in refunds if refund.status is RefundStatus.SUCCEEDED]
    assert head.refunds.refunded == head.refunds.reserved == sum(refund.amount for refund in done)
    for refund in done:
        assert len(pipeline.payments.refunds.all_of(refund.refund_id)) == 1
    assert sorted(found.entries) == list(range(1, head.entries + 1))
    assert head.entries == (1 + len(done) if head.status is Status.COMPLETED and head.total else 0)
    if head.refunds.refunded == head.total and head.total:
        assert all(b.debit == b.credit for b in trial_balance(found.entries.values()))
    expected = {f"{head.order_id}.{head.status}"} | {f"{refund.refund_id}.succeeded" for refund in done}
    assert {event["id"] for event in found.events} == expected
    # Most are repeats, and a schema takes its time.
    told = {json.dumps(event, sort_keys=True): event for event in found.events}
    assert not any(errors(event) for event in told.values())


def _lines(pipeline: Pipeline, head: Order) -> tuple[Line, ...]:
    """A head's lines, wherever they are kept, without asking through the faults."""
    return pipeline.orders.lines[head.order_id, head.lines_digest] if head.lines is None else head.lines
