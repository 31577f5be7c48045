"""Runs one execution per message and decides what becomes of each message.

Only a succeeded execution deletes its message. A failed one gives the order's claim back and lets the message
come back later; after its last receive the message goes to the dead-letter queue and the order waits for an
operator.
"""

from __future__ import annotations

import random
import uuid
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.domain.commands import REFUND, parked_before, parked_once_more, read_command
from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.workflow import Execution, ExecutionState
from lambdas.services.outage_guard import Admission, blames_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambdas.domain.commands import Command
    from lambdas.domain.order_store import OrderStore, RefundStore
    from lambdas.domain.workflow import Workflow
    from lambdas.services.outage_guard import Change, OutageGuard
    from lambdas.services.pacing import Pacer
    from lambdas.services.remember_failure import RememberFailure

# Failures that no later delivery can mend: the message reaches the dead-letter queue at once.
_HOPELESS: Final = frozenset({"AttentionRequired", "OrderNotFound"})
BUSY: Final = "OrderBusy"
# The last execution of a batch starts at most so much after the first: stacks/timeouts.py builds on it.
PACING_SECONDS: Final = 5
# A parked message comes back after half the time between two probes, then after twice as long each time, up
# to ten times of it; after a day and more of that (on AWS) an order is let fail after all.
LONGEST_PARK_PROBES: Final = 10
MAX_PARKS: Final = 400


class Decision(StrEnum):
    """What became of a message."""

    DONE = "done"
    LATER = "later"
    RESENT = "resent"
    PARKED = "parked"
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
    breaker: Change | None = None
    """What the execution's end did to the breaker."""
    began_at: str = ""
    duration_ms: int = 0

    @property
    def order_id(self) -> str | None:
        """The order that the message is about."""
        return self.command["order_id"] if self.command else None

    @property
    def keep(self) -> bool:
        """Whether the queue must keep the message (a batch item failure)."""
        return self.decision not in {Decision.DONE, Decision.RESENT, Decision.PARKED}


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
    """`delays` are the seconds before the second, third, ... receive; `max_receives` is the redrive limit.

    `executor` makes what runs so many executions at the same time.
    """

    workflow: Workflow
    orders: OrderStore
    refunds: RefundStore
    queue: Redelivery
    guard: OutageGuard
    pacer: Pacer
    now: Clock
    max_receives: int
    delays: tuple[int, ...]
    remember: RememberFailure
    executor: Callable[[int], Executor] = ThreadPoolExecutor

    def __call__(self, messages: Sequence[Message]) -> list[Dispatched]:
        """Start executions as the breaker allows, paced, and wait for all of them; park the rest."""
        self.guard.refresh()
        with self.executor(max(1, len(messages))) as pool:
            futures = []
            for message in messages:
                admission = self.guard.admit()
                if admission is Admission.START and not self._wait_for_turn():
                    admission = Admission.PARK
                futures.append(pool.submit(self._dispatch_alone, message, admission))
        return [future.result() for future in futures]

    def _wait_for_turn(self) -> bool:
        share = self.guard.share()
        return share > 0 and self.pacer.wait(share, PACING_SECONDS)

    def _dispatch_alone(self, message: Message, admission: Admission) -> Dispatched:
        began = self.now()
        command = read_command(message.body)
        claim = f"{command['order_id']}-{uuid.uuid4().hex[:12]}" if command else None
        try:
            result = self._dispatch(message, command, claim, admission)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw in one message must not fail the others
            result = Dispatched(message, Decision.LATER, command, claim, fault=error)
            if command and claim and self._is_last(message):
                self.remember.fault(command, message.message_id, message.receives, claim, error)
        duration = self.now() - began
        return replace(result, began_at=to_text(began), duration_ms=duration // timedelta(milliseconds=1))

    def _dispatch(
        self, message: Message, command: Command | None, claim: str | None, admission: Admission
    ) -> Dispatched:
        if command is None or claim is None:
            self._delay(message, 0)
            return Dispatched(message, Decision.UNREADABLE)
        if admission is Admission.PARK and parked_before(message.body) < MAX_PARKS:
            return Dispatched(message, self._park(message), command)
        execution = self.workflow.run(claim, command)
        change = self.guard.learn(execution, admission)
        decision = self._decide(message, command, claim, execution)
        if decision is Decision.DONE:
            self.remember.success(command, message.body)
        return Dispatched(message, decision, command, claim, execution, breaker=change)

    def _is_last(self, message: Message) -> bool:
        return message.receives >= self.max_receives

    def _decide(self, message: Message, command: Command, name: str, execution: Execution) -> Decision:
        if execution.state is ExecutionState.SUCCEEDED:
            return Decision.DONE
        last = self._is_last(message)
        if last and self._is_sound(message, execution):
            # The lock of the authorisation can be busy too, under this execution's own claim.
            self._give_back(command, name, None)
            sent = self._resend(message) if execution.error_class == BUSY else self._park(message)
            if sent not in {Decision.RESENT, Decision.PARKED}:
                self.remember(command, message.message_id, message.receives, name, execution)
            return sent
        if last:
            # Before the message can reach the dead-letter queue, where somebody looks for it.
            self.remember(command, message.message_id, message.receives, name, execution)
        if execution.state is ExecutionState.UNKNOWN:
            # It may still run: the message keeps its long visibility and the claim runs out by itself.
            return Decision.DEAD if last else Decision.LATER
        if last or execution.state is not ExecutionState.NOT_STARTED:
            self._give_back(command, name, execution.error or execution.state if last else None)
        if last or execution.error_class in _HOPELESS:
            self._delay(message, 0)
            return Decision.DEAD
        self._delay(message, self._backoff(message.receives))
        return Decision.LATER

    def _is_sound(self, message: Message, execution: Execution) -> bool:
        """Tell whether a message must not die of its last failure.

        Another execution that holds the order is none, and while a service outside is down an order waits
        for as long as an outage may last.
        """
        if execution.state is ExecutionState.UNKNOWN:
            return False
        if execution.error_class == BUSY:
            return True
        return blames_outside(execution) and parked_before(message.body) < MAX_PARKS

    def _resend(self, message: Message) -> Decision:
        """Let it come back as a new message, which has all its receives before it."""
        try:
            self.queue.send_again(message.body, message.group, self._backoff(1))
        except QueueUnavailable:
            return Decision.DEAD
        return Decision.RESENT

    def _park(self, message: Message) -> Decision:
        """Let it come back as a new message, so that an outage costs none of its receives."""
        parked = parked_before(message.body)
        probes = min(LONGEST_PARK_PROBES, 0.5 * 2 ** min(parked, 10))
        delay = _jittered(max(1.0, probes * self.guard.probe_seconds))
        try:
            self.queue.send_again(parked_once_more(message.body), message.group, delay)
        except QueueUnavailable:
            self._delay(message, self._backoff(message.receives))
            return Decision.LATER
        return Decision.PARKED

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
        return _jittered(self.delays[min(receives, len(self.delays)) - 1])


def _jittered(delay: float) -> int:
    """Half of a delay is certain, half is jitter: what failed together does not return together."""
    return round(random.uniform(delay / 2, delay))  # noqa: S311 - jitter
