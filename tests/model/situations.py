"""Every situation that an order can be in when an execution takes it on, and one execution from there."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.commands import process_command
from lambdas.domain.errors import StoreUnavailable
from lambdas.domain.order import Cancellation, FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.payment import IntentRequest, IntentState
from lambdas.domain.reasons import OUT_OF_STOCK, SHIPMENT_REFUSED
from lambdas.domain.workflow import ExecutionState
from tests.fakes.faults import nothing_happened
from tests.fakes.payments import DECLINED_CARD, GOOD_CARD
from tests.fakes.pipeline import Pipeline
from tests.model.conservation import MONEY, must_be_shipped
from tests.model.observed import Watched, WatchedHeads
from tests.model.order_life import STATES, State, has_ended
from tests.properties.walk import Bus, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order

STOPS: Final = ("", "cancelled", "expiring", "ending", "abandoned")
# What fails at every try; beside these nothing does.
OUTAGES: Final = ("", "claim", "lines_of")
TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Situation:
    """Where an order stands, and what provider, warehouse, shelf and client have done meanwhile.

    `payment` is the state of its payment at the provider ("" without one); `warehouse` is one of `accepts`,
    `refuses` and `has it`; `in_stock` is whether its product is left; `outage` is a call that fails.
    """

    state: State
    payment: str
    warehouse: str
    card: str = GOOD_CARD
    in_stock: bool = True
    stop: str = ""
    outage: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether somebody took the money at the provider, of which the order knows nothing."""
        held = self.state.payment == "authorized" and self.state.goods == "reserved"
        return self.payment == "captured" and self.state.payment != "captured" and not held


def possible_situations() -> Iterator[Situation]:
    """All that contradict nothing, and those in which money was taken by hand."""
    for state in open_states():
        for payment, warehouse in itertools.product(_payments(state), _warehouse(state)):
            cards = (GOOD_CARD, DECLINED_CARD) if payment in {"", "unconfirmed"} else (GOOD_CARD,)
            for card, in_stock, stop in itertools.product(cards, (True, False), STOPS):
                yield Situation(state, payment, warehouse, card, in_stock, stop)
            yield from (Situation(state, payment, warehouse, outage=outage) for outage in OUTAGES)


def impossible_situations() -> Iterator[Situation]:
    """Orders whose payment is at the provider what it cannot be after what they have been through.

    Money that was taken or given free is so for good, at any provider.
    """
    for state in open_states():
        if state.status == "accepted" or state.payment in {"not_required", "captured", "expired"}:
            continue
        for payment in {s.value for s in IntentState} - set(_payments(state)):
            for warehouse, stop in itertools.product(_warehouse(state), STOPS):
                yield Situation(state, payment, warehouse, stop=stop)


def open_states() -> Iterator[State]:
    """The states of orders that have not ended."""
    return (state for state in STATES if not has_ended(state))


def _payments(state: State) -> list[str]:
    if state.status == "accepted":
        return [""]
    found = {*MONEY[state.payment].at_provider, *([""] if MONEY[state.payment].none else [])}
    if state.payment == "pending":
        found |= {"unconfirmed", "captured"}
    return sorted(found)


def _warehouse(state: State) -> tuple[str, ...]:
    if must_be_shipped(state):
        return ("has it",)
    return ("accepts", "refuses", *(["has it"] if state.goods == "reserved" else []))


@dataclass(slots=True)
class Stage:
    """The pipeline with one order in a situation."""

    situation: Situation
    pipeline: Pipeline = field(default_factory=Pipeline)
    watched: Watched = field(default_factory=Watched)
    order_id: OrderId = field(init=False)

    def __post_init__(self) -> None:
        """Put everything where the situation wants it."""
        pipeline, situation = self.pipeline, self.situation
        sku = "GIFT" if situation.state.payment == "not_required" else "MUG"
        self.order_id = pipeline.accept("key", situation.card if sku == "MUG" else None, {sku: 1})
        if not situation.in_stock:
            pipeline.inventory.add(replace(pipeline.inventory.stored[sku], on_hand=0))
        if situation.warehouse == "refuses":
            pipeline.warehouse.refused_skus.add(sku)
        elif situation.warehouse == "has it":
            pipeline.warehouse.shipments[self.order_id] = {sku: 1}
        if situation.outage:
            down = nothing_happened(StoreUnavailable("down"))
            pipeline.orders.faults.plan(situation.outage, *[down] * TRIES)
        head = self._placed(pipeline.head(self.order_id))
        pipeline.orders.heads = WatchedHeads(self.watched, {self.order_id: head})

    def run(self) -> Order:
        """Run one execution to its end; its message dies when it failed. Return the order after it."""
        walk = Walk(self.pipeline, Bus(), process_command(self.order_id), "x1")
        end = walk.finish()
        if end.state is not ExecutionState.SUCCEEDED:
            self.pipeline.orders.give_back(self.order_id, "x1", self.pipeline.clock.text, end.error)
        return self.pipeline.head(self.order_id)

    def _placed(self, head: Order) -> Order:
        state, at = self.situation.state, self.pipeline.clock.text
        wish = Cancellation(at, "mistake", "key", "hash") if self.situation.stop == "cancelled" else None
        return replace(
            head,
            status=Status(state.status),
            payment_status=PaymentStatus(state.payment),
            fulfillment_status=FulfillmentStatus(state.goods),
            payment_intent=self._payment(head),
            cancellation=wish,
            expiring=self.situation.stop == "expiring",
            ending=self._ending(),
            abandoned=self.situation.stop == "abandoned",
        )

    def _ending(self) -> str | None:
        if self.situation.stop != "ending":
            return None
        return OUT_OF_STOCK if self.situation.state.goods == "unreserved" else SHIPMENT_REFUSED

    def _payment(self, head: Order) -> str | None:
        if not self.situation.payment:
            return None
        request = IntentRequest(head.order_id, head.amount, head.payment_method or "", head.key_generation)
        intent = self.pipeline.payments.create(request)
        taken = head.total if self.situation.payment == "captured" else 0
        state = IntentState(self.situation.payment)
        self.pipeline.payments.intents[intent.intent_id] = replace(intent, state=state, captured=taken)
        return intent.intent_id
