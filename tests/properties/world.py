"""Orders, their messages, executions that overlap, faults everywhere: and what must hold all the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from lambdas.domain.errors import (
    PaymentOutcomeUnknown,
    ProviderUnavailable,
    StockContention,
    StoreUnavailable,
    WarehouseUnavailable,
)
from lambdas.domain.ledger import RECEIVABLE, is_balanced, trial_balance
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status, quantities_by_sku
from lambdas.domain.payment import IntentState
from lambdas.domain.workflow import ExecutionState
from tests.fakes.faults import Fault
from tests.fakes.payments import (
    DECLINED_CARD,
    GOOD_CARD,
    HANGS_AFTER_CHARGE_CARD,
    STALE_KEY_CARD,
    UNKNOWN_CARD,
)
from tests.fakes.pipeline import CLAIM_SECONDS, CLIENT, Pipeline
from tests.properties.walk import Bus, FunctionTimedOut, Walk

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId

MAX_RECEIVES: Final = 4
SKUS: Final = ("TEA", "MUG", "GIFT")
_STORE: Final = (StoreUnavailable, FunctionTimedOut)
_MONEY: Final = (PaymentOutcomeUnknown, FunctionTimedOut)
# Every call that can fail, by its fake, with what it may raise.
_CALLS: Final = {
    ("orders", "get"): _STORE,
    ("orders", "lines_of"): _STORE,
    ("orders", "claim"): _STORE,
    ("orders", "save"): _STORE,
    ("inventory", "products"): _STORE,
    ("inventory", "reserve"): (*_STORE, StockContention),
    ("inventory", "release"): _STORE,
    ("journal", "book"): _STORE,
    ("payments", "create"): _MONEY,
    ("payments", "confirm"): _MONEY,
    ("payments", "capture"): _MONEY,
    ("payments", "void"): _MONEY,
    ("payments", "find"): _MONEY,
    ("warehouse", "ship"): (WarehouseUnavailable, FunctionTimedOut),
    ("idempotency", "put"): (ConnectionError,),
    ("bus", "publish"): (FunctionTimedOut,),
}
# These always mean that nothing happened.
_WITHOUT_EFFECT: Final = (StockContention, ProviderUnavailable)

# How the money of an order that was not sold may end. (Expired: its void was not heard of.)
_FREE: Final = {
    PaymentStatus.DECLINED,
    PaymentStatus.VOIDED,
    PaymentStatus.EXPIRED,
    PaymentStatus.NOT_REQUIRED,
}

cards = st.sampled_from(
    [GOOD_CARD, GOOD_CARD, DECLINED_CARD, UNKNOWN_CARD, HANGS_AFTER_CHARGE_CARD, STALE_KEY_CARD]
)
baskets = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1)
orders = st.lists(st.tuples(baskets, cards), min_size=1, max_size=5)


@st.composite
def failing_calls(draw: st.DrawFn) -> tuple[str, str, Fault | None]:
    """A fake, an operation and how its next call goes."""
    fake, operation = draw(st.sampled_from(sorted(_CALLS)))
    if draw(st.integers(0, 4)) == 0:
        return fake, operation, None
    error = draw(st.sampled_from(_CALLS[fake, operation]))("drawn")
    happened = draw(st.booleans()) and not isinstance(error, _WITHOUT_EFFECT)
    return fake, operation, Fault(error, happened)


@dataclass(slots=True)
class Message:
    """A message on the queue, with the receives that it has had."""

    order_id: OrderId
    receives: int = 0


@dataclass(slots=True)
class World:
    """The pipeline under a schedule: every number that is drawn decides one thing that happens next."""

    pipeline: Pipeline = field(default_factory=Pipeline)
    bus: Bus = field(default_factory=Bus)
    messages: list[Message] = field(default_factory=list)
    in_flight: list[tuple[Walk, Message]] = field(default_factory=list)
    initial: dict[str, int] = field(default_factory=dict)
    interrupts: list[int] = field(default_factory=list)
    started: int = 0

    def __post_init__(self) -> None:
        """Let other executions come in before any call to a fake."""
        self.initial = {sku: self.pipeline.inventory.on_hand(sku) for sku in SKUS}
        for fake, _ in _CALLS:
            faults = self.bus.faults if fake == "bus" else getattr(self.pipeline, fake).faults
            faults.before = self._interrupt

    def accept(self, wanted: list[tuple[dict[str, int], str]]) -> None:
        """Accept orders; each has one message."""
        for number, (basket, card) in enumerate(wanted):
            self.messages.append(Message(self.pipeline.accept(f"key-{number}", card, basket)))

    def repeat(self, choice: int) -> None:
        """Deliver an order's message once more, as a standard queue may."""
        self.messages.append(Message(self.messages[choice % len(self.messages)].order_id))

    def plan(self, fake: str, operation: str, fault: Fault | None) -> None:
        """Let a call fail."""
        faults = self.bus.faults if fake == "bus" else getattr(self.pipeline, fake).faults
        faults.plan(operation, fault)

    def act(self, number: int) -> None:
        """Do what a number says: deliver a message, go on with an execution, forget one, or let time pass."""
        kind, choice = number % 8, number // 8
        idle = [entry for entry in self.in_flight if not entry[0].running]
        if kind < 2 and self.messages:
            self._deliver(self.messages.pop(choice % len(self.messages)))
        elif kind == 7:
            self.pipeline.clock.advance(CLAIM_SECONDS + 1)
        elif kind == 6 and idle:
            self._lose_sight_of(*idle[choice % len(idle)])
        elif idle:
            self._go_on(*idle[choice % len(idle)])

    def settle(self) -> None:
        """Let every execution come to its end, and deliver every message until it is done."""
        self.interrupts.clear()
        for entry in list(self.in_flight):
            while entry in self.in_flight:
                self._go_on(*entry)
        for _ in range(60):
            if not self.messages:
                return
            self.pipeline.clock.advance(CLAIM_SECONDS + 1)
            self._deliver(self.messages.pop(0))
            while self.in_flight:
                self._go_on(*self.in_flight[0])
        raise AssertionError(f"never done: {self.messages}")

    def _deliver(self, message: Message) -> None:
        message.receives += 1
        self.started += 1
        walk = Walk(self.pipeline, self.bus, message.order_id, f"x{self.started}")
        self.in_flight.append((walk, message))

    def _go_on(self, walk: Walk, message: Message) -> None:
        walk.advance()
        if walk.end is None:
            return
        self.in_flight = [entry for entry in self.in_flight if entry[0] is not walk]
        if walk.end.state is ExecutionState.SUCCEEDED:
            return
        # As dispatch does: the claim goes back, after the last receive with the reason for an operator; whose
        # replay is the next delivery here.
        failure = walk.end.error if message.receives >= MAX_RECEIVES else None
        self.pipeline.orders.give_back(walk.order_id, walk.name, self.pipeline.clock.text, failure)
        self.messages.append(message)

    def _lose_sight_of(self, walk: Walk, message: Message) -> None:
        """Nobody knows how it ends: it goes on, and its message comes back as well."""
        del walk
        self.messages.append(Message(message.order_id, message.receives))

    def _interrupt(self, _operation: str) -> None:
        if self.interrupts:
            number = self.interrupts.pop()
            if number % 8 != 7:  # a claim outlives the step that runs under it: time does not jump inside
                self.act(number)

    def check_always(self) -> None:
        """What holds at every moment."""
        gone: Counter[str] = Counter()
        for head in self.pipeline.orders.heads.values():
            if head.fulfillment_status in {FulfillmentStatus.RESERVED, FulfillmentStatus.SHIPPED}:
                gone.update(quantities_by_sku(head.lines or ()))
        for sku in SKUS:
            on_hand = self.pipeline.inventory.on_hand(sku)
            assert on_hand >= 0
            assert on_hand + gone[sku] == self.initial[sku]
        assert is_balanced(trial_balance(self.pipeline.journal.entries.values()))
        assert all(count == 1 for count in self.pipeline.payments.captures.values())

    def check_at_the_end(self) -> None:
        """What holds when all is done: every order has ended once, its money and its goods with it."""
        self.check_always()
        for order_id, head in self.pipeline.orders.heads.items():
            assert head.terminal, head
            assert head.claim is None
            ends = [e.name for e in head.timeline if e.name in {"completed", "rejected"}]
            assert ends == [head.status]
            sold = head.status is Status.COMPLETED
            assert (order_id in self.pipeline.warehouse.shipments) == sold
            assert self.pipeline.payments.captures[order_id] == (1 if sold and head.total else 0)
            assert ((order_id, 1) in self.pipeline.journal.entries) == bool(sold and head.total)
            if not sold:
                states = self.pipeline.payments.states_of(order_id)
                assert not states & {IntentState.AUTHORIZED, IntentState.CAPTURED}
                assert head.payment_status in _FREE
            events = {event for event in self.bus.published if event.startswith(order_id)}
            assert events == {f"{order_id}.{head.status}"}
        booked = sum(
            p.amount
            for entry in self.pipeline.journal.entries.values()
            for p in entry.postings
            if p.account == RECEIVABLE
        )
        assert booked == self.pipeline.payments.captured_total
        assert {head.client for head in self.pipeline.orders.heads.values()} <= {CLIENT}
