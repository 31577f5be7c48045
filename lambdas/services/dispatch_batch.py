"""Runs one execution per message and decides what becomes of each message.

Only a succeeded execution deletes its message. A failed one gives the order's claim back and lets the message
come back later; after its last receive the message goes to the dead-letter queue and the order waits for an
operator.
"""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.domain.commands import REFUND, read_command
from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.workflow import Execution, ExecutionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.domain.commands import Command
    from lambdas.domain.order_store import OrderStore, RefundStore
    from lambdas.domain.workflow import Workflow
    from lambdas.services.pacing import Pacer

# Failures that no later delivery can mend: the message reaches the dead-letter queue at once.
_HOPELESS: Final = frozenset({"AttentionRequired", "OrderNotFound"})
BUSY: Final = "OrderBusy"


class Decision(StrEnum):
    """What became of a message."""

    DONE = "done"
    LATER = "later"
    RESENT = "resent"
    DEAD = "dead"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Message:
    """A received message; `receives` counts this receive too, `sent_at` is RFC 3339 in UTC."""

    message_id: str
    receipt_handle: str
    body: str
    receives: int
    group: str | None = None
    sent_at: str | None = None


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One message's fate, as it is logged and reported to the event source.

    `command` is what it asked for, None when it was no command of ours; `claim` is the execution's name;
    `fault` is what broke in dispatch itself.
    """

    message: Message
    decision: Decision
    command: Command | None = None
    claim: str | None = None
    execution: Execution | None = None
    fault: Exception | None = None
    began_at: str = ""
    duration_ms: int = 0

    @property
    def order_id(self) -> str | None:
        """The order that the message is about."""
        return self.command["order_id"] if self.command else None

    @property
    def keep(self) -> bool:
        """Whether the queue must keep the message (a batch item failure)."""
        return self.decision not in {Decision.DONE, Decision.RESENT}


class Redelivery(Protocol):
    """What dispatch may do with received messages; both raise QueueUnavailable."""

    def delay(self, receipt_handle: str, seconds: int) -> None:
        """Let the message come back after so many seconds."""
        ...

    def send_again(self, body: str, group: str | None, delay_seconds: int) -> None:
        """Send it as a new message, without the receives it has had."""
        ...


@dataclass(frozen=True, slots=True)
class DispatchBatch:
    """`delays` are the seconds before the second, third, ... receive; `max_receives` is the redrive limit."""

    workflow: Workflow
    orders: OrderStore
    refunds: RefundStore
    queue: Redelivery
    pacer: Pacer
    now: Clock
    max_receives: int
    delays: tuple[int, ...]

    def __call__(self, messages: Sequence[Message]) -> list[Dispatched]:
        """Start all executions, paced, and wait for all of them."""
        with ThreadPoolExecutor(max_workers=max(1, len(messages))) as pool:
            futures = []
            for message in messages:
                self.pacer.wait()
                futures.append(pool.submit(self._dispatch_alone, message))
            return [future.result() for future in futures]

    def _dispatch_alone(self, message: Message) -> Dispatched:
        began = self.now()
        command = read_command(message.body)
        claim = f"{command['order_id']}-{uuid.uuid4().hex[:12]}" if command else None
        try:
            result = self._dispatch(message, command, claim)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw in one message must not fail the others
            result = Dispatched(message, Decision.LATER, command, claim, fault=error)
        duration = self.now() - began
        return replace(result, began_at=to_text(began), duration_ms=duration // timedelta(milliseconds=1))

    def _dispatch(self, message: Message, command: Command | None, claim: str | None) -> Dispatched:
        if command is None or claim is None:
            self._delay(message, 0)
            return Dispatched(message, Decision.UNREADABLE)
        execution = self.workflow.run(claim, command)
        decision = self._decide(message, command, claim, execution)
        return Dispatched(message, decision, command, claim, execution)

    def _decide(self, message: Message, command: Command, name: str, execution: Execution) -> Decision:
        last = message.receives >= self.max_receives
        match execution.state:
            case ExecutionState.SUCCEEDED:
                return Decision.DONE
            case ExecutionState.UNKNOWN:
                # It may still run: the message keeps its long visibility and the claim runs out by itself.
                return Decision.DEAD if last else Decision.LATER
            case _ if execution.error_class == BUSY and last:
                # The lock of the authorisation can be busy too, under this execution's own claim.
                self._give_back(command, name, None)
                return self._resend(message)
        if last or execution.state is not ExecutionState.NOT_STARTED:
            self._give_back(command, name, execution.error or execution.state if last else None)
        if last or execution.error_class in _HOPELESS:
            self._delay(message, 0)
            return Decision.DEAD
        self._delay(message, self._backoff(message.receives))
        return Decision.LATER

    def _resend(self, message: Message) -> Decision:
        """Another execution holding the order is no failure of this message: it must not die of it."""
        try:
            self.queue.send_again(message.body, message.group, self._backoff(1))
        except QueueUnavailable:
            return Decision.DEAD
        return Decision.RESENT

    def _give_back(self, command: Command, claim: str, failure: str | None) -> None:
        order_id, at = OrderId(command["order_id"]), to_text(self.now())
        try:
            if failure and command["command"] == REFUND:
                # The order is sold and stays so: it is the refund that waits for an operator.
                self.refunds.set_refund_aside(order_id, RefundId(command["refund_id"]), at, failure)
                failure = None
            self.orders.give_back(order_id, claim, at, failure)
        except StoreUnavailable:
            return  # the claim runs out by itself

    def _delay(self, message: Message, seconds: int) -> None:
        try:
            self.queue.delay(message.receipt_handle, seconds)
        except QueueUnavailable:
            return  # it comes back after the queue's own visibility timeout

    def _backoff(self, receives: int) -> int:
        """Half of the delay is certain, half is jitter: what failed together does not return together."""
        delay = self.delays[min(receives, len(self.delays)) - 1]
        return round(random.uniform(delay / 2, delay))  # noqa: S311 - jitter
