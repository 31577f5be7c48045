"""Everything that may happen to orders, in any order: the rules that Hypothesis draws from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdas.domain.commands import cancel_command, process_command, refund_command
from lambdas.domain.payment import IntentState
from lambdas.domain.watch import watch_rules
from lambdas.services.watch_orders import WatchOrders
from tests.fakes.open_orders import InMemoryOpenOrders
from tests.fakes.pipeline import CLAIM_SECONDS
from tests.fakes.provider_refunds import refused_with
from tests.model.observed import (
    Watched,
    WatchedHeads,
    contradictions,
    off_the_shelf,
    state_of,
)
from tests.model.order_life import has_ended
from tests.properties.invariants import check_always
from tests.properties.wishes import Wish
from tests.properties.world import SKUS, Message, World, baskets, cards, failing_calls

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order
    from tests.fakes.faults import Fault

DAY: Final = 86_400
SPANS: Final = (CLAIM_SECONDS + 1, 3_600, DAY, 6 * DAY)
# Why an order may wait for an operator for good: its payment was cancelled when it was too late to turn back.
LOST_PAYMENTS: Final = {"canceled_after_reservation", "canceled_after_shipment"}
MOST_ORDERS: Final = 4
_some = st.integers(0, 39)


class OrdersLives(RuleBasedStateMachine):
    """Real services and the real definition over fakes; one rule is one thing that happens."""

    def __init__(self) -> None:
        """Begin with an empty pipeline whose heads are watched."""
        super().__init__()
        self.world, self.watched = World(), Watched()
        self.pipeline = self.world.pipeline
        self.pipeline.orders.heads = WatchedHeads(self.watched)
        self.open_orders = InMemoryOpenOrders(self.pipeline.orders)

    @property
    def orders(self) -> list[OrderId]:
        """The orders that a client knows of."""
        return self.world.accepted

    def _any(self, choice: int) -> Order:
        return self.pipeline.head(self.orders[choice % len(self.orders)])

    def _send(self, command: dict[str, str]) -> None:
        self.world.messages.append(Message(command))

    # What clients do.

    @precondition(lambda self: len(self.orders) < MOST_ORDERS)
    @rule(basket=baskets, card=cards)
    def submit(self, basket: dict[str, int], card: str) -> None:
        """Submit an order; the same again while the answer is unknown is `submit_again`."""
        self.world.submit(basket, card)

    @precondition(lambda self: self.orders)
    @rule(choice=_some)
    def submit_again(self, choice: int) -> None:
        """Repeat a submission under its key."""
        self.world.submit_again(choice)

    @precondition(lambda self: self.orders)
    @rule(choice=_some)
    def cancel(self, choice: int) -> None:
        """Cancel an order, whatever became of it."""
        self.world.ask(Wish("cancel", choice))

    @precondition(lambda self: self.orders)
    @rule(choice=_some)
    def refund(self, choice: int) -> None:
        """Ask for a refund in one of its forms, whatever became of the order."""
        self.world.ask(Wish("refund", choice))

    # What the queue and the executions do.

    @precondition(lambda self: self.world.messages)
    @rule(choice=_some)
    def deliver(self, choice: int) -> None:
        """Receive a message: its execution starts."""
        self.world.deliver(choice)

    @precondition(lambda self: self.world.messages)
    @rule(choice=_some)
    def duplicate(self, choice: int) -> None:
        """Deliver a message twice, as a standard queue may."""
        self.world.repeat(choice)

    @precondition(lambda self: self.world.in_flight)
    @rule(choice=_some, steps=st.integers(1, 8))
    def go_on(self, choice: int, steps: int) -> None:
        """Let an execution try its next steps."""
        for _ in range(steps):
            self.world.go_on(choice)

    @precondition(lambda self: self.world.messages or self.world.in_flight)
    @rule()
    def work_off(self) -> None:
        """Nothing comes in between: every execution ends, and every message is received once more."""
        for _ in range(len(self.world.messages)):
            self.world.deliver(0)
        while self.world.in_flight:
            self.world.go_on(0)

    @precondition(lambda self: self.world.in_flight)
    @rule(choice=_some)
    def redeliver(self, choice: int) -> None:
        """Nobody hears how an execution ends: its message comes back while it goes on."""
        self.world.lose_sight(choice)

    @precondition(lambda self: self.orders and self.world.in_flight)
    @rule(number=st.integers(0, 399))
    def overlap(self, number: int) -> None:
        """Let something else happen inside of the next step."""
        self.world.interrupts.append(number)

    @rule(span=st.sampled_from(SPANS))
    def let_time_pass(self, span: int) -> None:
        """Claims run out; after a day the provider has forgotten its keys."""
        self.pipeline.clock.advance(span)
        if span > DAY:
            self.pipeline.payments.forget_keys()

    # What fails.

    @rule(failing=failing_calls())
    def fail(self, failing: tuple[str, str, Fault | None]) -> None:
        """Let the next call of provider, warehouse, store, queue or bus fail, before or after its effect."""
        self.world.plan(*failing)

    @rule(call=st.sampled_from(["create", "confirm", "capture", "void", "refund"]))
    def save_failure(self, call: str) -> None:
        """Let the provider fail, and replay that failure under the call's key."""
        self.pipeline.payments.save_failure(call)

    @rule()
    def refuse_a_refund(self) -> None:
        """Let the provider refuse the next refund."""
        self.pipeline.payments.refund_outcomes.append(refused_with("charge_disputed"))

    @rule(sku=st.sampled_from(SKUS))
    def refuse_shipments(self, sku: str) -> None:
        """Let the warehouse refuse, or accept again, what has this product."""
        self.pipeline.warehouse.refused_skus ^= {sku}

    @precondition(lambda self: self.orders)
    @rule(choice=_some)
    def expire_payment(self, choice: int) -> None:
        """Let the provider give an order's held money free."""
        for intent in self.pipeline.payments.intents_of(self._any(choice).order_id):
            if intent.state is IntentState.AUTHORIZED:
                self.pipeline.payments.expire(intent.intent_id)

    # What operators and the watchdog do.

    @precondition(lambda self: self.orders)
    @rule(choice=_some)
    def replay(self, choice: int) -> None:
        """An operator starts an order again, and all its refunds, needed or not."""
        order = self._any(choice)
        self._send((cancel_command if order.cancellation else process_command)(order.order_id))
        for refund in self.pipeline.refunds.stored.values():
            if refund.order_id == order.order_id:
                self._send(refund_command(order.order_id, refund.refund_id))

    @rule()
    def watch(self) -> None:
        """The watchdog looks at all open orders."""
        pipeline = self.pipeline
        WatchOrders(
            self.open_orders,
            pipeline.orders,
            pipeline.refunds,
            pipeline.queue,
            watch_rules(stale_minutes=30, warning_days=3, expiry_days=5),
            pipeline.clock,
            lambda *_: None,
        )(lambda: 60.0)
        self.world.collect()

    # What holds at every moment, and at the end.

    @invariant()
    def every_step_is_one_of_the_model(self) -> None:
        """No head was ever written otherwise."""
        assert self.watched.forbidden == []

    @invariant()
    def money_and_goods_are_as_the_states_say(self) -> None:
        """Provider, ledger, refunds, warehouse and shelf agree with the orders."""
        assert contradictions(self.pipeline) == []
        for sku, initial in self.world.initial.items():
            assert self.pipeline.inventory.on_hand(sku) == initial - off_the_shelf(self.pipeline, sku) >= 0
        check_always(self.world)

    def teardown(self) -> None:
        """All comes to its end, or to an operator whose payment was lost too late."""
        self.world.settle()
        self.every_step_is_one_of_the_model()
        self.money_and_goods_are_as_the_states_say()
        for head in self.pipeline.orders.heads.values():
            event(str(state_of(head)))
            assert has_ended(state_of(head)) or head.reason in LOST_PAYMENTS, head
            assert head.claim is None
            assert head.refunds.unfinished == 0
        assert {message.command["order_id"] for message in self.world.dead} <= set(self.orders)
