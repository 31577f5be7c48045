"""Port of the watchdog's view: the orders on which work is left, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.order import Order

EARLIEST: Final = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An entry of the index of open orders; it may lag behind the order."""

    accepted_at: str
    order_id: OrderId


@dataclass(frozen=True, slots=True)
class Round:
    """A look at all orders that were accepted from `start` to `end` (both included), over several runs.

    Its end is fixed when it begins, so that it ends however many orders come after it.
    """

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads that were found, in no order, and the orders whose heads nobody can read."""

    orders: tuple[Order, ...]
    unreadable: tuple[OrderId, ...] = ()


class OpenOrders(Protocol):
    """Every method raises StoreUnavailable."""

    def oldest(self, round_: Round) -> Iterator[OpenOrder]:
        """Yield the open orders of a round, the oldest first; what is not taken is not read."""
        ...

    def heads(self, order_ids: Sequence[OrderId]) -> Heads:
        """Return heads as of all finished writes."""
        ...

    def unfinished_round(self) -> Round | None:
        """Return what an earlier run has left to look at."""
        ...

    def save_round(self, round_: Round | None) -> None:
        """Keep what is left for the next run; None when nothing is."""
        ...
