"""Hands orders that no message moves back to the queue, and ends those whose authorisation runs out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import PipelineError, QueueUnavailable
from lambdas.domain.open_orders import EARLIEST, Round
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import expiry_requested, handed_back
from lambdas.domain.watch import STUCK_AFTER, needs_message, refund_needs_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.open_orders import OpenOrders
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderAmender, RefundReader, WatchedQueue
    from lambdas.domain.watch import WatchRules

LIMIT: Final = 1_000
# Enough for the slowest look at one order, and for keeping what is left of the round.
RESERVE_SECONDS: Final = 15
# With so many faults it is not the orders that are wrong.
MOST_FAULTS: Final = 3
_BATCH: Final = 100
# With more messages than this on the queue, a stale order says that the queue is long, not that a message is
# lost. What the watchdog then adds takes the place of orders, and the queue grows by it: so it adds few.
LONG_QUEUE: Final = 1_000
FEW: Final = 50


class Finding(StrEnum):
    """What the watchdog has to say of an order."""

    HANDED_BACK = "handed_back"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    STUCK = "stuck"
    FAILED = "failed"


@dataclass(slots=True)
class Watched:
    """What one run has seen and done. `left` is where the next run goes on when not all was looked at."""

    looked_at: int = 0
    findings: dict[Finding, int] = field(default_factory=lambda: dict.fromkeys(Finding, 0))
    left: Round | None = None
    fault: str | None = None
    """What ended the run before its time."""
    may_hand_back: int = FEW
    """How many more orders this run may put on the queue."""


@dataclass(frozen=True, slots=True)
class WatchOrders:
    """One run over the open orders; `tell` hears of each finding, with the fault of a failed one.

    A run that breaks off has lost nothing: what it did is written, and the next run looks again.
    """

    open_orders: OpenOrders
    orders: OrderAmender
    refunds: RefundReader
    queue: WatchedQueue
    rules: WatchRules
    now: Clock
    tell: Callable[[OrderId, Finding, str], None]

    def __call__(self, seconds_left: Callable[[], float]) -> Watched:
        """Look at the oldest open orders, as many as the time allows; never raises for a failure."""
        watched = Watched()
        try:
            self._watch(watched, seconds_left)
        except PipelineError as error:
            watched.fault = f"{type(error).__name__}: {error}"
        return watched

    def _watch(self, watched: Watched, seconds_left: Callable[[], float]) -> None:
        watched.may_hand_back = self._most_to_hand_back()
        unfinished = self.open_orders.unfinished_round()
        round_ = unfinished or Round(EARLIEST, to_text(self.now() - self.rules.stale))
        faults = 0
        for order in self._oldest(round_, watched):
            if watched.looked_at >= LIMIT or seconds_left() < RESERVE_SECONDS or faults >= MOST_FAULTS:
                watched.left = Round(order.accepted_at, round_.end)
                break
            watched.looked_at += 1
            faults += not self._look_at_alone(order, watched)
        if watched.left != unfinished:
            self.open_orders.save_round(watched.left)

    def _most_to_hand_back(self) -> int:
        """The oldest come first, and an order that lost its message is older than any that waits its turn."""
        try:
            return LIMIT if self.queue.waiting() <= LONG_QUEUE else FEW
        except QueueUnavailable:
            return FEW  # an authorisation that runs out does not wait for that

    def _oldest(self, round_: Round, watched: Watched) -> Iterator[Order]:
        entries = self.open_orders.oldest(round_)
        while batch := [entry.order_id for entry in islice(entries, _BATCH)]:
            heads = self.open_orders.heads(batch)
            for order_id in heads.unreadable:
                self._note(order_id, Finding.FAILED, watched, "the head cannot be read")
            yield from sorted(heads.orders, key=lambda order: order.accepted_at)

    def _look_at_alone(self, order: Order, watched: Watched) -> bool:
        try:
            self._look_at(order, watched)
        except Exception as error:  # noqa: BLE001 - what is wrong with one order must not hide the others
            # Only our own failures' messages: anybody else's may hold anything.
            message = f": {error}" if isinstance(error, PipelineError) else ""
            self._note(order.order_id, Finding.FAILED, watched, f"{type(error).__name__}{message}")
            return False
        return True

    def _look_at(self, order: Order, watched: Watched) -> None:
        now = self.now()
        if self.rules.has_to_expire(order, now):
            if self._expire(order, now):
                self._note(order.order_id, Finding.EXPIRED, watched)
            return
        if self.rules.is_expiring(order, now):
            self._note(order.order_id, Finding.EXPIRING, watched)
        if watched.may_hand_back and self.rules.is_stale(order, now) and self._hand_back(order, now):
            watched.may_hand_back -= 1
            self._note(order.order_id, Finding.HANDED_BACK, watched)
            if order.handed_back >= STUCK_AFTER:
                self._note(order.order_id, Finding.STUCK, watched)

    def _expire(self, order: Order, now: datetime) -> bool:
        """The head first: the execution that the message starts has to find there that it is to end."""
        if not self.orders.amend(expiry_requested(order, to_text(now))):
            return False  # somebody moves it after all
        self._send(order)
        return True

    def _hand_back(self, order: Order, now: datetime) -> bool:
        """The message first: without the write it is only sent again sooner."""
        if order.terminal:
            sent = self._send_refunds(order)
        else:
            sent = needs_message(order)
            if sent:
                self._send(order)
        if sent:
            # A lost write is as good: somebody moved the order.
            self.orders.amend(handed_back(order, to_text(now)))
        return sent

    def _send(self, order: Order) -> None:
        send = self.queue.send_cancel if order.cancellation else self.queue.send_process
        send(order.order_id, order.client)

    def _send_refunds(self, order: Order) -> bool:
        if not order.refunds.unfinished:
            return False
        waiting = [r for r in self.refunds.refunds_of(order.order_id) if refund_needs_message(r)]
        for refund in waiting:
            self.queue.send_refund(order.order_id, refund.refund_id, order.client)
        return bool(waiting)

    def _note(self, order_id: OrderId, finding: Finding, watched: Watched, fault: str = "") -> None:
        watched.findings[finding] += 1
        self.tell(order_id, finding, fault)
