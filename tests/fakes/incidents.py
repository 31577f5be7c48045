"""The services behind the pages over the fakes: from the dead letter to the incident's end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.alert import Place
from lambdas.domain.identifiers import OrderId, failure_id_for
from lambdas.services.drain_dead_letters import DrainDeadLetters
from lambdas.services.reconcile_incidents import Reconciled, ReconcileIncidents
from lambdas.services.tell_pager import TellPager
from tests.fakes.failures import InMemoryArchive, InMemoryFailureContexts, InMemoryFailures
from tests.fakes.open_orders import InMemoryOpenOrders
from tests.fakes.pager import InMemoryPager
from tests.fakes.pipeline import Pipeline

if TYPE_CHECKING:
    from lambdas.domain.failure import DeadLetter, Failure
    from lambdas.services.drain_dead_letters import Batch, Drained

PLACE: Final = Place("prod", "https://runbooks.example/orders", "eu-west-1")
GAP: Final = timedelta(seconds=55)


@dataclass(slots=True)
class Incidents:
    """Everything between the dead-letter queue and PagerDuty; a test reaches into any part."""

    pipeline: Pipeline = field(default_factory=Pipeline)
    failures: InMemoryFailures = field(default_factory=InMemoryFailures)
    contexts: InMemoryFailureContexts = field(default_factory=InMemoryFailureContexts)
    archive: InMemoryArchive = field(default_factory=InMemoryArchive)
    pager: InMemoryPager = field(default_factory=InMemoryPager)
    heads: InMemoryOpenOrders = field(init=False)
    tell: TellPager = field(init=False)
    drain: DrainDeadLetters = field(init=False)
    reconcile: ReconcileIncidents = field(init=False)

    def __post_init__(self) -> None:
        """Wire the services to the fakes."""
        orders, refunds, now = self.pipeline.orders, self.pipeline.refunds, self.pipeline.clock
        self.heads = InMemoryOpenOrders(orders)
        self.tell = TellPager(self.failures, self.pager, PLACE, GAP, now)
        self.drain = DrainDeadLetters(
            self.contexts, self.failures, self.archive, orders, refunds, self.tell, now
        )
        self.reconcile = ReconcileIncidents(self.failures, self.contexts, self.heads, refunds, self.tell, now)

    def batch(self, *letters: DeadLetter) -> Batch:
        """Drain letters together."""
        return self.drain(letters)

    def receive(self, letter: DeadLetter) -> Drained:
        """Drain one letter."""
        (drained,) = self.drain([letter]).letters
        return drained

    def failure(self, order_id: OrderId) -> Failure:
        """Return an order's failure, which must be there."""
        return self.failures.records[failure_id_for(order_id)]

    def run(self, seconds_left: float = 50.0) -> Reconciled:
        """Let the schedule run, a minute later."""
        self.pipeline.clock.advance(60)
        return self.reconcile(lambda: seconds_left)
