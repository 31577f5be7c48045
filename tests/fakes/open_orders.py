"""The watchdog's view of the orders in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.open_orders import Heads, OpenOrder, Round
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambdas.domain.identifiers import OrderId
    from tests.fakes.orders import InMemoryOrders


@dataclass(slots=True)
class InMemoryOpenOrders:
    """Satisfies `OpenOrders`.

    `unreadable` are orders whose heads cannot be decoded. `faults` knows `oldest`, `heads`,
    `unfinished_round` and `save_round`.
    """

    orders: InMemoryOrders
    unreadable: set[OrderId] = field(default_factory=set)
    round: Round | None = None
    faults: Faults = field(default_factory=Faults)

    def oldest(self, round_: Round) -> Iterator[OpenOrder]:
        """Yield what is open, oldest first."""
        with self.faults.around("oldest"):
            entries = [
                OpenOrder(order.accepted_at, order.order_id)
                for order in self.orders.heads.values()
                if order.open and round_.start <= order.accepted_at <= round_.end
            ]
            yield from sorted(entries, key=lambda entry: entry.accepted_at)

    def heads(self, order_ids: Sequence[OrderId]) -> Heads:
        """Return heads, in another order than they were asked for."""
        with self.faults.around("heads"):
            readable = [self.orders.head(i) for i in reversed(order_ids) if i not in self.unreadable]
            return Heads(tuple(readable), tuple(i for i in order_ids if i in self.unreadable))

    def unfinished_round(self) -> Round | None:
        """Return what is left."""
        with self.faults.around("unfinished_round"):
            return self.round

    def save_round(self, round_: Round | None) -> None:
        """Keep what is left."""
        with self.faults.around("save_round"):
            self.round = round_
