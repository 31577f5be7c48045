"""Real orders as the model sees them: their joint states, every change of them, and the facts about them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambdas.domain.ledger import RECEIVABLE
from lambdas.domain.order import quantities_by_sku
from lambdas.domain.refund import RefundStatus, quantities_to_restock
from tests.model.conservation import OFF_THE_SHELF, Facts, violations
from tests.model.order_life import FIRST, State, has_ended, may_become

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from tests.fakes.pipeline import Pipeline


def state_of(order: Order) -> State:
    """The joint state of a head."""
    return State(order.status.value, order.payment_status.value, order.fulfillment_status.value)


def state_in(body: dict[str, Any]) -> State:
    """The joint state of an order as the API shows it."""
    return State(body["status"], body["payment_status"], body["fulfillment_status"])


@dataclass(slots=True)
class Watched:
    """What was written on heads: the steps that were taken, how often each order ended, and forbidden steps.

    They are collected, not raised: what raises inside a write would be taken for a failure of the step.
    """

    steps: set[tuple[State, State]] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)
    forbidden: list[tuple[str, State | None, State]] = field(default_factory=list)

    def note(self, order_id: OrderId, before: Order | None, after: Order) -> None:
        """Take in a write."""
        now = state_of(after)
        if before is None:
            if now not in FIRST:
                self.forbidden.append((order_id, None, now))
            return
        was = state_of(before)
        self.steps.add((was, now))
        self.ends[order_id] += has_ended(now) and not has_ended(was)
        if not may_become(was, now):
            self.forbidden.append((order_id, was, now))


class WatchedHeads(dict["OrderId", "Order"]):
    """The heads of the store in memory, each write watched."""

    def __init__(self, watched: Watched, heads: dict[OrderId, Order] | None = None) -> None:
        """Begin with these."""
        super().__init__(heads or {})
        self._watched = watched

    def __setitem__(self, order_id: OrderId, order: Order) -> None:
        """Write a head."""
        self._watched.note(order_id, self.get(order_id), order)
        super().__setitem__(order_id, order)


def facts_of(pipeline: Pipeline, order: Order) -> Facts:
    """What provider, ledger, refunds and warehouse say of an order."""
    order_id, payments = order.order_id, pipeline.payments
    intents = payments.intents_of(order_id)
    entries = [entry for (of, _), entry in pipeline.journal.entries.items() if of == order_id]
    postings = (posting for entry in entries for posting in entry.postings)
    refunds = [r for r in pipeline.refunds.stored.values() if r.order_id == order_id]
    return Facts(
        total=order.total,
        payments=frozenset(intent.state.value for intent in intents),
        captured=sum(intent.captured for intent in intents),
        returned=sum(payments.refunds.total(intent.intent_id) for intent in intents),
        entries=len(entries),
        booked=sum(p.amount for p in postings if p.account == RECEIVABLE),
        refunded=sum(r.amount for r in refunds if r.status is RefundStatus.SUCCEEDED),
        reserved_for_refunds=sum(r.amount for r in refunds if r.status is not RefundStatus.FAILED),
        shipped=order_id in pipeline.warehouse.shipments,
    )


def contradictions(pipeline: Pipeline) -> list[str]:
    """Everything that does not agree with the orders' states."""
    heads = pipeline.orders.heads.values()
    return [
        f"{head.order_id} {state_of(head)}: {what}"
        for head in heads
        for what in violations(state_of(head), facts_of(pipeline, head))
    ]


def off_the_shelf(pipeline: Pipeline, sku: str) -> int:
    """How many of a SKU the orders' states say are away."""
    away = 0
    for head in pipeline.orders.heads.values():
        if state_of(head).goods in OFF_THE_SHELF:
            away += quantities_by_sku(head.lines or ()).get(sku, 0)
    for refund in pipeline.refunds.stored.values():
        if refund.restocked:
            lines = pipeline.head(refund.order_id).lines or ()
            away -= quantities_to_restock(refund, lines).get(sku, 0)
    return away
