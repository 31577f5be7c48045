"""An afternoon of traffic with everything going wrong, and the calm days after it."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambdas.domain.watch import watch_rules
from lambdas.services.watch_orders import WatchOrders
from tests.fakes.breaker import InMemoryBreaker
from tests.fakes.clock import FakeClock
from tests.fakes.open_orders import InMemoryOpenOrders
from tests.fakes.pipeline import Pipeline
from tests.model.observed import Watched, WatchedHeads
from tests.properties.traffic.executions import Executions
from tests.properties.traffic.instances import BATCH, Instance
from tests.properties.traffic.queue import StandardQueue
from tests.properties.traffic.shop import BACKLOG, Shop, catalogue
from tests.properties.traffic.turns import Turns
from tests.properties.traffic.weather import Weather
from tests.properties.walk import Bus

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANCES: Final = 5
CLIENTS: Final = 4
WATCHDOG_SECONDS: Final = 300.0
STALE_MINUTES: Final = 30
DAY: Final = 86_400.0
MOST_ROUNDS: Final = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """How much traffic there is, and how bad it gets; the same plan is the same run."""

    deliveries: int
    seed: int
    fault_rate: float = 0.05
    duplicates: float = 0.25
    # Small enough that most orders of several SKUs are held in parts, as those of more than 99 are.
    at_once: int = 2


@dataclass(slots=True)
class Simulation:
    """Clients, queue, instances of dispatch, executions and watchdog over the fakes; satisfies `Scene`."""

    plan: Plan
    pipeline: Pipeline = field(init=False)
    bus: Bus = field(default_factory=Bus)
    breaker: InMemoryBreaker = field(default_factory=InMemoryBreaker)
    watched: Watched = field(default_factory=Watched)
    turns: Turns = field(init=False)
    queue: StandardQueue = field(init=False)
    weather: Weather = field(init=False)
    executions: Executions = field(init=False)
    shop: Shop = field(init=False)
    open_orders: InMemoryOpenOrders = field(init=False)
    initial: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    delivered: int = 0
    tried: int = 0
    drained: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Put everything together, with chances of one seed."""
        chance = random.Random(self.plan.seed)  # noqa: S311 - a simulation that can be repeated
        clock = FakeClock()
        self.turns = Turns(chance, clock)
        self.queue = StandardQueue(turns=self.turns, chance=chance, duplicates=self.plan.duplicates)
        self.pipeline = pipeline = Pipeline(clock=clock, queue=self.queue)
        pipeline.orders.heads = WatchedHeads(self.watched)
        # A provider answers many at a time.
        pipeline.payments._lock = contextlib.nullcontext()  # type: ignore[assignment]
        products = catalogue(plenty=10 * self.plan.deliveries, few=self.plan.deliveries // 30)
        pipeline.inventory.at_once = self.plan.at_once
        pipeline.inventory.stored.clear()
        for some in products.values():
            pipeline.inventory.add(*some)
        self.initial = {sku: product.on_hand for sku, product in pipeline.inventory.stored.items()}
        self.open_orders = InMemoryOpenOrders(pipeline.orders)
        self.executions = Executions(pipeline, self.bus, self.turns, chance)
        self.shop = Shop(pipeline, self.turns, chance, products)
        self.weather = Weather(self.turns, chance, self.plan.fault_rate)
        self.weather.over(
            {
                name: getattr(pipeline, name).faults
                for name in (
                    "orders",
                    "refunds",
                    "inventory",
                    "journal",
                    "payments",
                    "queue",
                    "warehouse",
                    "idempotency",
                )
            }
            | {"bus": self.bus.faults, "breaker": self.breaker.faults, "open_orders": self.open_orders.faults}
        )

    def run(self, look: Callable[[Simulation], None]) -> None:
        """Let the traffic come, then settle everything without faults; `look` sees it in between."""
        began = time.monotonic()
        for _ in range(CLIENTS):
            self.turns.begin(self._client)
        for _ in range(INSTANCES):
            self.turns.begin(self._instance)
        self.turns.begin(self._watchdog)
        self.turns.run()
        look(self)
        self._settle()
        self.seconds = time.monotonic() - began

    @property
    def _over(self) -> bool:
        return self.executions.started >= self.plan.deliveries

    def _client(self) -> None:
        while not self._over:
            if self.queue.backlog > BACKLOG:
                self.turns.sleep(self.shop.chance.uniform(1, 5))
            else:
                self.shop.act()

    def _instance(self) -> None:
        instance = Instance(self.queue, self.executions, self.breaker)
        while not self._over:
            if not instance.take_batch(self.shop.chance.randint(1, BATCH)):
                self.turns.sleep(self.shop.chance.uniform(0.5, 5))

    def _watchdog(self) -> None:
        while not self._over:
            self.turns.sleep(WATCHDOG_SECONDS)
            self._watch()

    def _settle(self) -> None:
        """A day later nothing fails now: an operator replays what is dead, the watchdog finds the rest."""
        self.weather.calm = self.executions.calm = True
        self.queue.duplicates = 0.0
        self.pipeline.clock.advance(DAY)
        self.pipeline.payments.forget_keys()
        self.delivered, self.tried = self.queue.deliveries, self.executions.started
        for _ in range(MOST_ROUNDS):
            for _ in range(INSTANCES):
                self.turns.begin(self._drain)
            self.turns.run()
            if dead := self.queue.replay():
                self.dead_letters += dead
                continue
            self.pipeline.clock.advance(STALE_MINUTES * 60 + 1)
            self.turns.begin(self._watch)
            self.turns.run()
            if self.queue.empty:
                break
        self.drained = self.queue.deliveries - self.delivered

    def _drain(self) -> None:
        instance = Instance(self.queue, self.executions, self.breaker)
        while not self.queue.empty:
            if not instance.take_batch(BATCH):
                self.turns.sleep(5.0)

    def _watch(self) -> None:
        pipeline = self.pipeline
        WatchOrders(
            self.open_orders,
            pipeline.orders,
            pipeline.refunds,
            pipeline.queue,
            watch_rules(stale_minutes=STALE_MINUTES, warning_days=3, expiry_days=5),
            pipeline.clock,
            lambda *_: None,
        )(lambda: 60.0)
