"""The orders queue in memory: what is sent, and what dispatch does with received messages."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.commands import cancel_command, process_command, refund_command
from lambdas.domain.identifiers import queue_group_for
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from lambdas.domain.identifiers import ClientId, OrderId, RefundId


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it went out."""

    body: str
    group: str | None
    delay_seconds: int = 0


@dataclass(slots=True)
class InMemoryQueue:
    """Satisfies `OrderQueue`, `WatchedQueue`, `Redelivery` and `ReplayQueue`.

    `others` wait beside what was sent. `faults` knows `send`, `delay` and `waiting`.
    """

    sent: list[Sent] = field(default_factory=list)
    delays: dict[str, int] = field(default_factory=dict)
    others: int = 0
    faults: Faults = field(default_factory=Faults)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send_process(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for the order to be processed."""
        self._send(Sent(json.dumps(process_command(order_id)), queue_group_for(client)))

    def send_cancel(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for the order's cancellation."""
        self._send(Sent(json.dumps(cancel_command(order_id)), queue_group_for(client)))

    def send_refund(self, order_id: OrderId, refund_id: RefundId, client: ClientId) -> None:
        """Ask for a refund of the order."""
        self._send(Sent(json.dumps(refund_command(order_id, refund_id)), queue_group_for(client)))

    def send_again(self, body: str, group: str | None, delay_seconds: int) -> None:
        """Send a received message as a new one."""
        self._send(Sent(body, group, delay_seconds))

    def send_replay(self, body: str, group: str | None) -> str:
        """Send a dead letter's command once more."""
        self._send(Sent(body, group))
        return f"replayed-{len(self.sent)}"

    def delay(self, receipt_handle: str, seconds: int) -> None:
        """Set when a received message comes back."""
        with self.faults.around("delay"), self._lock:
            self.delays[receipt_handle] = seconds

    def waiting(self) -> int:
        """Count what waits."""
        with self.faults.around("waiting"):
            return self.others + len(self.sent)

    def _send(self, message: Sent) -> None:
        with self.faults.around("send"), self._lock:
            self.sent.append(message)
