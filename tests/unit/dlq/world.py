"""A pipeline with dead letters, in memory: what operators find, and an engine that carries messages out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lambdas.domain.commands import read_command, replay_of
from lambdas.domain.failure import Failure, FailureContext, FailureState, Stake
from lambdas.domain.failure_life import died_again
from lambdas.domain.identifiers import ClientId, OrderId, failure_id_for, order_id_for
from lambdas.domain.operation import OperationKind
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.transitions import completed
from orders.dlq.applying import Applying
from orders.dlq.desk import Desk
from orders.dlq.plan import Plan, PlanEntry
from orders.dlq.planning import entry_of
from orders.dlq.replaying import Replays, Why
from orders.dlq.verdicts import Evidence
from tests.fakes.clock import FakeClock
from tests.fakes.failures import InMemoryFailureContexts, InMemoryFailures
from tests.fakes.failures_made import AT_FULFIL
from tests.fakes.history import InMemoryHistory
from tests.fakes.orders import InMemoryOrders
from tests.fakes.orders_made import an_order
from tests.fakes.queue import InMemoryQueue
from tests.fakes.refunds import InMemoryRefunds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.domain.operation import Operation
    from orders.dlq.applying import Applied

ADA = "arn:aws:sts::111122223333:assumed-role/operator/ada"
WHY = Why("fixed", "INC-7")


@dataclass(slots=True)
class World:
    """`broken` orders fail again, as before or as it says; `works`: messages are carried out at all."""

    clock: FakeClock = field(default_factory=FakeClock)
    failures: InMemoryFailures = field(default_factory=InMemoryFailures)
    marks: InMemoryFailureContexts = field(default_factory=InMemoryFailureContexts)
    orders: InMemoryOrders = field(default_factory=InMemoryOrders)
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    history: InMemoryHistory = field(default_factory=InMemoryHistory)
    broken: set[OrderId] = field(default_factory=set)
    comes_back_as: FailureContext | None = None
    works: bool = True
    ended: list[OrderId] = field(default_factory=list)
    refunds: InMemoryRefunds = field(init=False)
    _received: int = 0

    def __post_init__(self) -> None:
        """Put the refunds beside the orders."""
        self.refunds = InMemoryRefunds(self.orders)

    def desk(self, actor: str = ADA) -> Desk:
        """Sit down."""
        return Desk(
            self.failures, self.marks, self.orders, self.refunds, self.queue, self.history, actor, self.clock
        )

    def die(self, number: int, context: FailureContext = AT_FULFIL, **changes: Any) -> Failure:
        """Accept the n-th order and let it die."""
        order_id = order_id_for(ClientId("client-1"), f"key-{number}")
        self.orders.heads[order_id] = an_order(
            order_id=order_id,
            status=Status.ATTENTION_REQUIRED,
            payment_status=PaymentStatus.AUTHORIZED,
            fulfillment_status=FulfillmentStatus.RESERVED,
            payment_intent=f"pi_{number}",
            **changes,
        )
        failure = Failure(
            failure_id=failure_id_for(order_id),
            order_id=order_id,
            refund_id=None,
            body=json.dumps({"command": "process", "order_id": order_id}),
            context=context,
            stake=Stake("GBP", 900, "attention_required"),
            first_seen=self.clock.text,
            last_seen=self.clock.text,
            last_message_id=f"message-{number}",
            archive_key=f"letters/{number}",
            group="group-a",
        )
        self.failures.save(None, failure)
        return failure

    def entries(self) -> list[PlanEntry]:
        """What a plan has of all failures, were all of them safe."""
        return [
            self.entry(failure)
            for failure in sorted(self.failures.records.values(), key=lambda f: f.last_message_id)
        ]

    def entry(self, failure: Failure) -> PlanEntry:
        """What a plan has of one."""
        order = self.orders.heads[failure.order_id] if failure.order_id else None
        return entry_of(failure, Evidence(order=order), self.clock())

    def plan(self) -> Plan:
        """A plan of all of it."""
        return Plan("local", "0", "eu-west-1", self.clock.text, ADA, {}, tuple(self.entries()))

    def replays(self, plan: Plan, actor: str = ADA) -> Replays:
        """An operator at work on a plan."""
        return Replays(self.desk(actor), plan.plan_id, WHY)

    def apply(self, plan: Plan, *, again: bool = False, **changes: Any) -> Applied:
        """Apply a plan from its first entry to its last outcome."""
        return self.applying(plan, **changes).run(plan.entries, again=again)

    def applying(self, plan: Plan, **changes: Any) -> Applying:
        """One run, whose time passes while it sleeps."""
        values: dict[str, Any] = {
            "rate": 100.0,
            "now": self.seconds,
            "sleep": self.pass_time,
        }
        return Applying(self.replays(plan), **(values | changes))

    def seconds(self) -> float:
        """The present in seconds."""
        return self.clock.moment.timestamp()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which the pipeline carries messages out."""
        self.clock.advance(seconds)
        if self.works:
            self.carry_out()

    def carry_out(self) -> None:
        """Carry out every message that was not received yet; a broken order's dies at once."""
        while self._received < len(self.queue.sent):
            body = self.queue.sent[self._received].body
            self._received += 1
            command = read_command(body)
            assert command is not None
            self._execute(OrderId(command["order_id"]), body)

    def _execute(self, order_id: OrderId, body: str) -> None:
        head = self.orders.heads[order_id]
        if order_id in self.broken:
            failure = self.failures.records[failure_id_for(order_id)]
            context = self.comes_back_as or failure.context
            fresh = replace(
                failure,
                context=replace(context, failed_at=self.clock.text),
                last_message_id=f"again-{self._received}",
                last_seen=self.clock.text,
            )
            again = died_again(failure, fresh)
            assert again is not None
            self.failures.save(failure, again)
        elif not head.terminal:
            self.orders.heads[order_id] = completed(head, self.clock.text)
            self.ended.append(order_id)
        plan_id = replay_of(body)
        if plan_id and order_id not in self.broken:
            self.marks.came_through(failure_id_for(order_id), plan_id, self.clock.text)

    def sent_orders(self) -> list[str]:
        """The order of each message that was sent."""
        return [json.loads(message.body)["order_id"] for message in self.queue.sent]

    def of_kind(self, kind: OperationKind, *, results: bool = False) -> list[Operation]:
        """The history's entries of a kind: deeds, or their results."""
        return [
            o for o in self.history.entries.values() if o.kind is kind and (o.result is not None) is results
        ]

    def states(self) -> list[FailureState]:
        """Where the failures stand."""
        return [f.state for f in self.failures.records.values()]

    def assert_replayed_once(self, failures: Iterable[Failure]) -> None:
        """Each order came to its end once, and the history tells of one replay of each, with its result."""
        wanted = sorted(f.failure_id for f in failures)
        assert sorted(failure_id_for(order_id) for order_id in self.ended) == wanted
        assert sorted(o.subject for o in self.of_kind(OperationKind.REPLAY)) == wanted
        results = self.of_kind(OperationKind.REPLAY, results=True)
        assert sorted(o.subject for o in results) == wanted
        assert {o.result for o in results} == {"completed"}
        assert sorted(o.subject for o in self.of_kind(OperationKind.SENT)) == wanted
        assert set(self.states()) == {FailureState.RESOLVED}
        assert {f.applies for f in self.failures.records.values()} == {1}
