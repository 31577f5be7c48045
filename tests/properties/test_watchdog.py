"""Whatever messages are lost: the watchdog alone brings every order to its end, and harms none on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hypothesis import event, given, settings
from hypothesis import strategies as st

from lambdas.domain.commands import process_command, refund_command
from lambdas.domain.order import AUTHORIZATION_EXPIRING, Status
from lambdas.domain.refund import RefundStatus
from lambdas.domain.watch import WatchRules
from lambdas.services.watch_orders import Finding, Watched, WatchOrders
from tests.fakes.open_orders import InMemoryOpenOrders
from tests.properties.invariants import check_always, check_at_the_end
from tests.properties.world import Message, World, failing_calls, orders

if TYPE_CHECKING:
    from tests.fakes.faults import Fault

# What happens next: as in any world, or the watchdog runs, or a message or an execution is lost.
WATCH: Final = 400
LOSE: Final = 500
DIE: Final = 600
choices = st.integers(0, 699)
# Of a world's own: to deliver a message, to go on with an execution, to let time pass.
common = st.sampled_from([0, 2, 3, 7, WATCH, DIE])

# To these rules an order is stale as soon as nobody holds it, and its payment never or always too old.
NEVER: Final = timedelta(days=1_000)
HANDING_BACK: Final = WatchRules(timedelta(), NEVER, NEVER)
GIVING_UP: Final = WatchRules(timedelta(), timedelta(), timedelta())
Wanted = list[tuple[dict[str, int], str]]


@dataclass(slots=True)
class WatchedWorld(World):
    """A world in which messages get lost, executions die and clients do not ask again."""

    rules: WatchRules = HANDING_BACK
    seen: list[Watched] = field(default_factory=list)

    def act(self, number: int) -> None:
        """Do what a number says."""
        if number >= DIE:
            idle = [entry for entry in self.in_flight if not entry[0].running]
            if idle:
                self.in_flight.remove(idle[number % len(idle)])
        elif number >= LOSE:
            if self.messages:
                self.messages.pop(number % len(self.messages))
        elif number >= WATCH:
            self.watch()
        else:
            # A slot class has no zero-argument super() before Python 3.14.
            World.act(self, number)

    def watch(self) -> None:
        """Run the watchdog once, in time."""
        pipeline = self.pipeline
        run = WatchOrders(
            InMemoryOpenOrders(pipeline.orders),
            pipeline.orders,
            pipeline.refunds,
            pipeline.queue,
            self.rules,
            pipeline.clock,
            lambda *_: None,
        )
        self.seen.append(run(lambda: 50.0))
        self.collect()

    def lose_everything(self) -> None:
        """No message is left, no execution, and no client that waits for its answer."""
        self.interrupts.clear()
        self.messages.clear()
        self.in_flight.clear()
        self.unanswered.clear()

    def wait_for_the_watchdog(self) -> None:
        """Let it run daily until nothing is open; operators replay what waits for them."""
        for _ in range(60):
            self.pipeline.clock.advance(timedelta(days=1).total_seconds())
            self.watch()
            self._replay_what_waits_for_a_person()
            self.settle()
            if not any(head.open for head in self.pipeline.orders.heads.values()):
                return
        raise AssertionError("orders stay open for ever")

    def repeat_everything(self) -> None:
        """Send a message for all that has ended: it changes nothing, and publishes what was not heard of."""
        pipeline = self.pipeline
        heads, refunds = dict(pipeline.orders.heads), dict(pipeline.refunds.stored)
        self.messages += [Message(process_command(order_id)) for order_id in heads]
        self.messages += [Message(refund_command(r.order_id, r.refund_id)) for r in refunds.values()]
        self.settle()
        assert (pipeline.orders.heads, pipeline.refunds.stored) == (heads, refunds)

    def _replay_what_waits_for_a_person(self) -> None:
        pipeline = self.pipeline
        for head in pipeline.orders.heads.values():
            if head.status is Status.ATTENTION_REQUIRED:
                self.messages.append(Message(process_command(head.order_id)))
        for refund in pipeline.refunds.stored.values():
            if refund.status is RefundStatus.ATTENTION_REQUIRED:
                self.messages.append(Message(refund_command(refund.order_id, refund.refund_id)))


@settings(max_examples=400)
@given(
    wanted=orders,
    faults=st.lists(failing_calls(), max_size=8),
    schedule=st.lists(choices, max_size=40),
    interrupts=st.lists(choices, max_size=20),
)
def test_every_order_and_refund_comes_to_its_end_though_all_messages_are_lost(
    wanted: Wanted,
    faults: list[tuple[str, str, Fault | None]],
    schedule: list[int],
    interrupts: list[int],
) -> None:
    world = WatchedWorld()
    world.accept(wanted)
    for fake, operation, fault in faults:
        world.plan(fake, operation, fault)
    world.interrupts += interrupts
    for number in schedule:
        world.act(number)
        check_always(world)
    world.lose_everything()
    world.wait_for_the_watchdog()
    world.repeat_everything()
    check_at_the_end(world)
    event(f"handed back {sum(watched.findings[Finding.HANDED_BACK] for watched in world.seen)} times")


@settings(max_examples=400)
@given(
    wanted=orders,
    faults=st.lists(failing_calls(), max_size=8),
    schedule=st.lists(choices | common, min_size=5, max_size=40),
    interrupts=st.lists(choices | st.just(WATCH), max_size=30),
)
def test_an_authorisation_may_be_given_up_at_any_moment(
    wanted: Wanted,
    faults: list[tuple[str, str, Fault | None]],
    schedule: list[int],
    interrupts: list[int],
) -> None:
    """Every payment is too old at once: whatever its execution does then, money and stock agree."""
    world = WatchedWorld(rules=GIVING_UP)
    world.accept(wanted)
    for fake, operation, fault in faults:
        world.plan(fake, operation, fault)
    world.interrupts += interrupts
    for number in schedule:
        world.act(number)
        check_always(world)
    world.lose_everything()
    world.wait_for_the_watchdog()
    world.repeat_everything()
    check_at_the_end(world)
    for head in world.pipeline.orders.heads.values():
        given_up = head.reason == AUTHORIZATION_EXPIRING
        assert not given_up or (head.expiring and head.status is Status.REJECTED)
        event(f"{head.status}, {'given up' if given_up else 'not given up'}")
