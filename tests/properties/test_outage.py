"""An hour's outage of the provider under load, in simulated time, with several instances of dispatch."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.domain.identifiers import ClientId, order_id_for
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.dispatch_batch import Decision, DispatchBatch, Message
from lambdas.services.outage_guard import Change
from lambdas.services.pacing import Pacer
from stacks.environments import settings_for
from stacks.outage_alarm import PERIOD_SECONDS, remembered_periods
from tests.fakes.breaker import InMemoryBreaker, a_guard
from tests.fakes.clock import FakeClock
from tests.fakes.in_turn import InTurn
from tests.fakes.orders import InMemoryOrders
from tests.fakes.refunds import InMemoryRefunds
from tests.fakes.remembering import Remembered

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RECEIVES: Final = 4
BATCH: Final = 10
BEGINS, ENDS, LAST_ORDER = 600.0, 600.0 + 3600.0, 5400.0
SUCCEEDED = Execution(ExecutionState.SUCCEEDED, output={"step": {"outcome": "completed"}})
FAILURES: Final = (
    "authorise:ProviderUnavailable",
    "authorise:PaymentOutcomeUnknown",
    "authorise:States.Timeout",
)


@dataclass(slots=True)
class Waiting:
    """A message on the queue."""

    body: str
    receives: int = 0


@dataclass(slots=True)
class Simulation:
    """A queue, a provider that is down for an hour, and instances that take turns; `now` is in seconds."""

    orders_a_second: float
    instances: int
    clock: FakeClock = field(default_factory=FakeClock)
    breaker: InMemoryBreaker = field(default_factory=InMemoryBreaker)
    now: float = 0.0
    queue: list[tuple[float, int, Waiting]] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    charged: Counter[str] = field(default_factory=Counter)
    started: list[float] = field(default_factory=list)
    changes: Counter[Change] = field(default_factory=Counter)
    signs: list[float] = field(default_factory=list)
    """When the metrics of an outage were written; see `lambdas/dispatch/handler.py`."""
    _hidden: dict[str, Waiting] = field(default_factory=dict)
    _serial: int = 0

    def run(self) -> None:
        """Put orders on the queue for an hour and a half and let the instances work until all is done."""
        for n in range(int(LAST_ORDER * self.orders_a_second)):
            order_id = order_id_for(ClientId("c"), str(n))
            self._put(n / self.orders_a_second, json.dumps({"command": "process", "order_id": order_id}))
        turns = [(0.0, n, self._instance()) for n in range(self.instances)]
        while self.queue:
            at, n, dispatch = heapq.heappop(turns)
            self._set(max(at, self.now))
            batch = self._receive()
            # A failed execution has used up its retries; a good one takes a second.
            seconds = self._work(dispatch, batch) if batch else 0.5
            heapq.heappush(turns, (self.now + seconds, n, dispatch))

    def end_of(self, command: Mapping[str, object]) -> Execution:
        """Be the workflow: fail while the provider is down."""
        self.started.append(self.now)
        if BEGINS <= self.now < ENDS:
            return Execution(ExecutionState.FAILED, FAILURES[len(self.started) % len(FAILURES)])
        self.charged[str(command["order_id"])] += 1
        return SUCCEEDED

    def delay(self, receipt_handle: str, seconds: int) -> None:
        """Let a message come back."""
        waiting = self._hidden.pop(receipt_handle)
        if waiting.receives >= MAX_RECEIVES:
            self.dead.append(waiting.body)
        else:
            self._put(self.now + seconds, waiting.body, waiting.receives)

    def send_again(self, body: str, group: str | None, delay_seconds: int) -> None:
        """Take a new message."""
        assert group is None
        self._put(self.now + delay_seconds, body)

    def _instance(self) -> DispatchBatch:
        return DispatchBatch(
            workflow=_Workflow(self),
            orders=InMemoryOrders(),
            refunds=InMemoryRefunds(InMemoryOrders()),
            queue=self,
            guard=a_guard(self.clock, self.breaker),
            pacer=Pacer(4.0, now=lambda: self.now, sleep=self._sleep),
            now=self.clock,
            max_receives=MAX_RECEIVES,
            delays=(30, 120, 600),
            executor=InTurn,
            remember=Remembered().service(self.clock),
        )

    def _work(self, dispatch: DispatchBatch, batch: list[Message]) -> float:
        results = dispatch(batch)
        for result in results:
            self.changes.update([result.breaker] if result.breaker else [])
            if result.breaker is Change.OPENED or result.decision is Decision.PARKED:
                self.signs.append(self.now)
            if not result.keep:
                self._hidden.pop(result.message.receipt_handle)
        failed = any(result.decision in {Decision.LATER, Decision.DEAD} for result in results)
        return 40.0 if failed else 1.0 if any(r.execution for r in results) else 0.1

    def _receive(self) -> list[Message]:
        batch: list[Message] = []
        while self.queue and self.queue[0][0] <= self.now and len(batch) < BATCH:
            _, serial, waiting = heapq.heappop(self.queue)
            waiting.receives += 1
            self._hidden[str(serial)] = waiting
            batch.append(Message(str(serial), str(serial), waiting.body, waiting.receives))
        return batch

    def _put(self, at: float, body: str, receives: int = 0) -> None:
        self._serial += 1
        heapq.heappush(self.queue, (at, self._serial, Waiting(body, receives)))

    def _sleep(self, seconds: float) -> None:
        self._set(self.now + seconds)

    def _set(self, now: float) -> None:
        self.clock.advance(now - self.now)
        self.now = now


@dataclass(slots=True)
class _Workflow:
    simulation: Simulation

    def run(self, name: str, command: Mapping[str, object]) -> Execution:
        """Run one execution."""
        del name
        return self.simulation.end_of(command)


def pages(signs: list[float]) -> list[float]:
    """When the alarm goes off: it stays so while one of its last periods has a sign, and acts only once."""
    remembered = remembered_periods(settings_for("prod", {"auth": "iam"}))
    told: list[float] = []
    last: int | None = None
    for sign in signs:
        period = int(sign // PERIOD_SECONDS)
        if last is None or period - last >= remembered:
            told.append(sign)
        last = period
    return told


@pytest.fixture(
    scope="module",
    params=[(0.0005, 2), (0.01, 2), (0.5, 2), (2.0, 5)],
    ids=["two orders", "an order now and then", "steady", "busy"],
)
def outage(request: Any) -> Simulation:
    simulation = Simulation(*request.param)
    simulation.run()
    return simulation


def test_an_outage_loses_nothing_and_charges_once(outage: Simulation) -> None:
    assert outage.dead == []
    assert set(outage.charged.values()) == {1}
    assert len(outage.charged) == int(LAST_ORDER * outage.orders_a_second)
    tries = sum(BEGINS <= at < ENDS for at in outage.started)
    waiting = (ENDS - BEGINS) * outage.orders_a_second
    probes = (ENDS - BEGINS) / 30
    assert tries <= probes + 4 * 60
    if waiting > 100:
        first = sum(ENDS <= at < ENDS + 30 for at in outage.started)
        assert 0 < first < 60
    assert max(outage.started) < max(ENDS, LAST_ORDER) + 1800, "the backlog is not worked off"


def test_an_outage_opens_the_breaker_once_and_pages_once(outage: Simulation) -> None:
    """One of all instances tells that it opened, and none of 120 failed probes goes off again.

    Where there are too few orders to open it soon, the first that failed at each of its receives pages.
    """
    assert outage.changes[Change.OPENED] == 1
    (paged,) = pages(outage.signs)
    first_failure = min(at for at in outage.started if at >= BEGINS)
    assert 0 < paged - first_failure < (300 if outage.orders_a_second > 0.1 else 1200)


def test_two_outages_page_twice() -> None:
    remembered = remembered_periods(settings_for("prod", {"auth": "iam"})) * PERIOD_SECONDS
    assert pages([0.0, 900.0, 900.0 + remembered, 1000.0 + remembered]) == [0.0, 900.0 + remembered]
