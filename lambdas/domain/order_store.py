"""Ports of what keeps orders and carries them: the store, the journal and the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, OrderId, RefundId
    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class Page:
    """Orders of one client, newest first; `cursor` leads to the next page and is None on the last."""

    orders: tuple[Order, ...]
    cursor: str | None


class InvalidCursor(ValueError):
    """The cursor was not made by this API."""


class OrderReader(Protocol):
    """Reads orders; every method raises StoreUnavailable."""

    def get(self, order_id: OrderId) -> Order | None:
        """Return the order's head as of all finished writes, or None."""
        ...

    def lines_of(self, order: Order) -> tuple[Line, ...]:
        """Return the order's lines, which must match its digest (OrderCorrupt)."""
        ...

    def page(self, client: ClientId, cursor: str | None, limit: int) -> Page:
        """Return a page of the client's orders; raises InvalidCursor."""
        ...


class RefundReader(Protocol):
    """Reads refunds; every method raises StoreUnavailable."""

    def refund(self, order_id: OrderId, refund_id: RefundId) -> Refund | None:
        """Return a refund as of all finished writes, or None."""
        ...

    def refunds_of(self, order_id: OrderId) -> tuple[Refund, ...]:
        """Return all of the order's refunds, the oldest first."""
        ...


class OrderAmender(OrderReader, Protocol):
    """Changes orders from outside of the workflow, beside whoever holds the claim."""

    def amend(self, order: Order) -> bool:
        """Write a changed head over the revision it was made from, claimed or not; False when it is gone.

        A step of the workflow that read the head before fails its next write and reads it anew.
        """
        ...


class RefundAcceptor(RefundReader, Protocol):
    """Writes new refunds."""

    def request(self, order: Order, refund: Refund) -> bool:
        """Write a changed head and a new refund together; False when the head was changed since."""
        ...


class OrderAcceptor(OrderAmender, Protocol):
    """Writes new orders."""

    def create(self, order: Order) -> Order | None:
        """Write a new order once. Returns the one that has its id already, or None."""
        ...


class OrderStore(OrderReader, Protocol):
    """Changes orders under a claim."""

    def claim(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Claim the order until an epoch second and return it.

        A terminal order comes back unchanged. Raises OrderBusy under a live foreign claim, OrderNotFound.
        """
        ...

    def claim_completed(self, order_id: OrderId, claim: str, until: int, at: str) -> Order:
        """Claim a completed order on which a refund is left to do; raises OrderBusy, OrderNotFound.

        StoreUnavailable when none is left: reading the refund anew mends that.
        """
        ...

    def save(self, order: Order, claim: str) -> None:
        """Write a changed head over the revision it was made from; raises ClaimLost."""
        ...

    def give_back(self, order_id: OrderId, claim: str, at: str, failure: str | None) -> None:
        """End a failed execution's claim; with `failure` (a code) the order waits for an operator."""
        ...


class RefundStore(RefundReader, Protocol):
    """Changes refunds under the claim on their order."""

    def save_refund(self, order: Order, refund: Refund, claim: str) -> None:
        """Write head and refund together over the revision that they were made from; raises ClaimLost."""
        ...

    def set_refund_aside(self, order_id: OrderId, refund_id: RefundId, at: str, failure: str) -> None:
        """Let a refund that is not decided wait for an operator."""
        ...


class Journal(Protocol):
    """Books entries together with the change of the order that causes them."""

    def book(self, order: Order, entry: JournalEntry, claim: str, refund: Refund | None = None) -> None:
        """Write head and entry (and the refund that is booked) in one transaction, once.

        Raises ClaimLost, LedgerConflict (another entry is booked under the key) or StoreUnavailable.
        """
        ...


class OrderQueue(Protocol):
    """Carries commands to the workflow."""

    def send_process(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for the order to be processed; repeated messages do no harm. Raises QueueUnavailable."""
        ...

    def send_cancel(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for the order's cancellation, likewise."""
        ...

    def send_refund(self, order_id: OrderId, refund_id: RefundId, client: ClientId) -> None:
        """Ask for a refund of the order, likewise."""
        ...


class WatchedQueue(OrderQueue, Protocol):
    """The queue as the watchdog sees it."""

    def waiting(self) -> int:
        """Return about how many messages wait to be received. Raises QueueUnavailable."""
        ...
