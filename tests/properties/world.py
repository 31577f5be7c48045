"""Orders, their messages, executions that overlap, faults everywhere: and what must hold all the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from lambdas.domain.errors import (
    PaymentOutcomeUnknown,
    ProviderUnavailable,
    QueueUnavailable,
    StockContention,
    StoreUnavailable,
    TransientError,
    WarehouseUnavailable,
)
from lambdas.domain.identifiers import RefundId
from lambdas.domain.request_body import InvalidBody
from lambdas.domain.workflow import ExecutionState
from lambdas.services.request_errors import RequestConflict
from tests.fakes.faults import Fault
from tests.fakes.payments import (
    DECLINED_CARD,
    GOOD_CARD,
    HANGS_AFTER_CHARGE_CARD,
    STALE_KEY_CARD,
    UNKNOWN_CARD,
)
from tests.fakes.pipeline import CLAIM_SECONDS, Pipeline
from tests.properties.walk import Bus, FunctionTimedOut, Walk
from tests.properties.wishes import Wish

if TYPE_CHECKING:
    from lambdas.domain.commands import Command
    from lambdas.domain.identifiers import OrderId

MAX_RECEIVES: Final = 4
# What may happen next: see `World.act`.
KINDS: Final = 10
SKUS: Final = ("TEA", "MUG", "GIFT")
_STORE: Final = (StoreUnavailable, FunctionTimedOut)
_MONEY: Final = (PaymentOutcomeUnknown, FunctionTimedOut)
# Every call that can fail, by its fake, with what it may raise.
CALLS: Final = {
    ("orders", "create"): _STORE,
    ("orders", "get"): _STORE,
    ("orders", "lines_of"): _STORE,
    ("orders", "claim"): _STORE,
    ("orders", "save"): _STORE,
    ("orders", "amend"): _STORE,
    ("orders", "claim_completed"): _STORE,
    ("refunds", "refund"): _STORE,
    ("refunds", "refunds_of"): _STORE,
    ("refunds", "request"): _STORE,
    ("refunds", "save_refund"): _STORE,
    ("inventory", "products"): _STORE,
    ("inventory", "reserve"): (*_STORE, StockContention),
    ("inventory", "release"): _STORE,
    ("inventory", "restock"): _STORE,
    ("journal", "book"): _STORE,
    ("payments", "create"): _MONEY,
    ("payments", "confirm"): _MONEY,
    ("payments", "capture"): _MONEY,
    ("payments", "void"): _MONEY,
    ("payments", "find"): _MONEY,
    ("payments", "refund"): _MONEY,
    ("payments", "find_refund"): _MONEY,
    ("queue", "send"): (QueueUnavailable, FunctionTimedOut),
    ("warehouse", "ship"): (WarehouseUnavailable, FunctionTimedOut),
    ("warehouse", "cancel"): (WarehouseUnavailable, FunctionTimedOut),
    ("idempotency", "put"): (ConnectionError,),
    ("bus", "publish"): (FunctionTimedOut,),
}
_REFUND_CALLS: Final = {
    ("orders", "get"),
    ("orders", "lines_of"),
    ("orders", "claim_completed"),
    ("orders", "save"),
    *(call for call in CALLS if call[0] == "refunds"),
    ("inventory", "restock"),
    ("journal", "book"),
    ("payments", "refund"),
    ("payments", "find_refund"),
    ("bus", "publish"),
    ("queue", "send"),
}
# These always mean that nothing happened.
WITHOUT_EFFECT: Final = (StockContention, ProviderUnavailable)

cards = st.sampled_from(
    [GOOD_CARD, GOOD_CARD, DECLINED_CARD, UNKNOWN_CARD, HANGS_AFTER_CHARGE_CARD, STALE_KEY_CARD]
)
baskets = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1)
orders = st.lists(st.tuples(baskets, cards), min_size=1, max_size=5)


def failing_calls() -> st.SearchStrategy[tuple[str, str, Fault | None]]:
    """A fake, an operation and how its next call goes."""
    return _failing(sorted(CALLS))


def failing_refund_calls() -> st.SearchStrategy[tuple[str, str, Fault | None]]:
    """The same, of the calls that a refund makes."""
    return _failing(sorted(_REFUND_CALLS))


@st.composite
def _failing(draw: st.DrawFn, calls: list[tuple[str, str]]) -> tuple[str, str, Fault | None]:
    fake, operation = draw(st.sampled_from(calls))
    if draw(st.integers(0, 4)) == 0:
        return fake, operation, None
    error = draw(st.sampled_from(CALLS[fake, operation]))("drawn")
    happened = draw(st.booleans()) and not isinstance(error, WITHOUT_EFFECT)
    return fake, operation, Fault(error, happened)


@dataclass(slots=True)
class Message:
    """A message on the queue, with the receives that it has had."""

    command: Command
    receives: int = 0


@dataclass(slots=True)
class World:
    """The pipeline under a schedule: every number that is drawn decides one thing that happens next."""

    pipeline: Pipeline = field(default_factory=Pipeline)
    bus: Bus = field(default_factory=Bus)
    messages: list[Message] = field(default_factory=list)
    in_flight: list[tuple[Walk, Message]] = field(default_factory=list)
    initial: dict[str, int] = field(default_factory=dict)
    accepted: list[OrderId] = field(default_factory=list)
    unanswered: list[Wish] = field(default_factory=list)
    submissions: list[tuple[dict[str, int], str]] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    interrupts: list[int] = field(default_factory=list)
    started: int = 0

    def __post_init__(self) -> None:
        """Let other executions come in before any call to a fake."""
        self.initial = {sku: self.pipeline.inventory.on_hand(sku) for sku in SKUS}
        for fake, _ in CALLS:
            faults = self.bus.faults if fake == "bus" else getattr(self.pipeline, fake).faults
            faults.before = self._interrupt

    def accept(self, wanted: list[tuple[dict[str, int], str]]) -> None:
        """Accept orders; each has one message."""
        for number, (basket, card) in enumerate(wanted):
            self.accepted.append(self.pipeline.accept(f"key-{number}", card, basket))
        self.collect()

    def submit(self, basket: dict[str, int], card: str) -> None:
        """Submit one order; when its answer is lost, the client tries again later."""
        self.submissions.append((basket, card))
        self._submit(len(self.submissions) - 1)

    def submit_again(self, choice: int) -> None:
        """Submit one of the orders once more, under its key."""
        if self.submissions:
            self._submit(choice % len(self.submissions))

    def repeat(self, choice: int) -> None:
        """Deliver an order's message once more, as a standard queue may."""
        self.messages.append(Message(self.messages[choice % len(self.messages)].command))

    def plan(self, fake: str, operation: str, fault: Fault | None) -> None:
        """Let a call fail."""
        faults = self.bus.faults if fake == "bus" else getattr(self.pipeline, fake).faults
        faults.plan(operation, fault)

    def act(self, number: int) -> None:
        """Do what a number says: deliver a message, go on with an execution, forget one, or let time pass."""
        kind, choice = number % KINDS, number // KINDS
        if kind in {8, 9}:
            self.ask(Wish("cancel" if kind == 8 else "refund", choice))
        elif kind < 2 and self.messages:
            self.deliver(choice)
        elif kind == 7:
            self.pipeline.clock.advance(CLAIM_SECONDS + 1)
        elif kind == 6:
            self.lose_sight(choice)
        else:
            self.go_on(choice)

    def deliver(self, choice: int) -> None:
        """Receive a message, if there is any, and start its execution."""
        if self.messages:
            self._deliver(self.messages.pop(choice % len(self.messages)))

    def go_on(self, choice: int) -> None:
        """Let an execution, if there is any, try its next step."""
        if idle := self._idle():
            self._go_on(*idle[choice % len(idle)])

    def lose_sight(self, choice: int) -> None:
        """Let nobody know how an execution ends: it goes on, and its message comes back as well."""
        if idle := self._idle():
            _, message = idle[choice % len(idle)]
            self.messages.append(Message(message.command, message.receives))

    def ask(self, wish: Wish) -> None:
        """Let a client ask; it tries again later, under the same key, while it does not know the answer."""
        try:
            wish.send(self.pipeline, self.accepted)
        except (InvalidBody, RequestConflict):
            pass
        except (TransientError, FunctionTimedOut):
            self.unanswered.append(wish)
        self.collect()

    def settle(self) -> None:
        """Let every execution come to its end, and deliver every message until it is done."""
        self.interrupts.clear()
        for number in range(len(self.submissions)):
            while not self._submit(number):
                pass
        while self.unanswered:
            self.ask(self.unanswered.pop())
        for entry in list(self.in_flight):
            while entry in self.in_flight:
                self._go_on(*entry)
        for _ in range(60 + 2 * len(self.messages)):
            if not self.messages:
                return
            self.pipeline.clock.advance(CLAIM_SECONDS + 1)
            self._deliver(self.messages.pop(0))
            while self.in_flight:
                self._go_on(*self.in_flight[0])
        if not self.messages:
            return
        raise AssertionError(f"never done: {self.messages}")

    def collect(self) -> None:
        """Take over what was put on the queue."""
        sent, self.pipeline.queue.sent = self.pipeline.queue.sent, []
        self.messages += [Message(json.loads(message.body)) for message in sent]

    def _submit(self, number: int) -> bool:
        basket, card = self.submissions[number]
        try:
            order_id = self.pipeline.accept(f"key-{number}", card, basket)
        except (TransientError, FunctionTimedOut):
            return False
        finally:
            self.collect()
        if order_id not in self.accepted:
            self.accepted.append(order_id)
        return True

    def _deliver(self, message: Message) -> None:
        message.receives += 1
        self.started += 1
        walk = Walk(self.pipeline, self.bus, message.command, f"x{self.started}")
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
        if failure and "refund_id" in message.command:
            refund_id = RefundId(message.command["refund_id"])
            self.pipeline.refunds.set_refund_aside(
                walk.order_id, refund_id, self.pipeline.clock.text, failure
            )
            failure = None
        self.pipeline.orders.give_back(walk.order_id, walk.name, self.pipeline.clock.text, failure)
        hopeless = walk.end.error_class == "AttentionRequired"
        (self.dead if hopeless else self.messages).append(message)

    def _idle(self) -> list[tuple[Walk, Message]]:
        return [entry for entry in self.in_flight if not entry[0].running]

    def _interrupt(self, _operation: str) -> None:
        if self.interrupts:
            number = self.interrupts.pop()
            if number % KINDS != 7:  # a claim outlives the step that runs under it: time does not jump inside
                self.act(number)
