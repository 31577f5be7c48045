"""A standard queue of SQS: messages come in any order, some twice at once, and again until they are deleted.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambdas.domain.commands import read_command
from lambdas.services.dispatch_batch import Message
from tests.fakes.queue import InMemoryQueue, Sent

if TYPE_CHECKING:
    import random

    from tests.properties.traffic.turns import Turns

MAX_RECEIVES: Final = 4
VISIBILITY_SECONDS: Final = 1_200.0
# How much later than the first copy of a message the second may come.
COPY_SECONDS: Final = (0.0, 0.5, 30.0, 600.0)


@dataclass(eq=False, slots=True)
class Kept:
    """A message on a server of the queue; `handle` is of its last receive, `due` is when it is seen next."""

    body: str
    group: str | None
    receives: int = 0
    copy: bool = False
    handle: str = ""
    due: float = 0.0
    gone: bool = False


@dataclass(slots=True)
class StandardQueue(InMemoryQueue):
    """Keeps what the pipeline sends; a share of it, `duplicates`, is delivered by a second server too.

    `dead` were received too often. Counted are the `deliveries`, among them those of `copies` and those
    `again` of what was received before.
    """

    turns: Turns = field(kw_only=True)
    chance: random.Random = field(kw_only=True)
    duplicates: float = field(kw_only=True)
    dead: list[Kept] = field(default_factory=list)
    deliveries: int = 0
    copies: int = 0
    again: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    _visible: list[Kept] = field(default_factory=list)
    _hidden: list[tuple[float, int, Kept]] = field(default_factory=list)
    _received: dict[str, Kept] = field(default_factory=dict)
    _left: int = 0
    _serial: int = 0

    def receive(self, most: int) -> list[Message]:
        """Deliver up to so many of those that can be seen, in no order."""
        self._bring_back()
        batch: list[Message] = []
        while self._visible and len(batch) < most:
            place = self.chance.randrange(len(self._visible))
            self._visible[place], self._visible[-1] = self._visible[-1], self._visible[place]
            kept = self._visible.pop()
            if kept.gone:
                continue
            if kept.receives >= MAX_RECEIVES:
                self._left -= 1
                self.dead.append(kept)
            else:
                batch.append(self._deliver(kept))
        return batch

    def delete(self, handle: str) -> None:
        """Forget a message on the server that delivered it, unless that has delivered it again since."""
        kept = self._received.pop(handle, None)
        if kept and kept.handle == handle:
            kept.gone = True
            self._left -= 1

    def replay(self) -> int:
        """Send what is dead as new messages, as an operator does; return how many there were."""
        dead, self.dead = self.dead, []
        for kept in dead:
            self._keep(Kept(kept.body, kept.group), 0)
        return len(dead)

    def delay(self, receipt_handle: str, seconds: int) -> None:
        """Let a received message be seen again."""
        with self.faults.around("delay"):
            kept = self._received.get(receipt_handle)
            if kept and kept.handle == receipt_handle:
                self._hide(kept, seconds)

    def waiting(self) -> int:
        """Count those that can be seen."""
        with self.faults.around("waiting"):
            return self.backlog

    @property
    def backlog(self) -> int:
        """How many can be seen."""
        self._bring_back()
        return len(self._visible)

    @property
    def empty(self) -> bool:
        """Whether nothing is left, seen or not."""
        return self._left == 0

    def _deliver(self, kept: Kept) -> Message:
        self.deliveries += 1
        self.copies += kept.copy
        self.again += kept.receives > 0
        command = read_command(kept.body)
        self.kinds[command["command"] if command else "unreadable"] += 1
        if self.chance.random() < self.duplicates:
            twin = Kept(kept.body, kept.group, kept.receives, copy=True)
            self._keep(twin, self.chance.choice(COPY_SECONDS))
        kept.receives += 1
        kept.handle = f"receipt-{self._serial}"
        self._received[kept.handle] = kept
        self._hide(kept, VISIBILITY_SECONDS)
        return Message(f"message-{self._serial}", kept.handle, kept.body, kept.receives, kept.group)

    def _keep(self, kept: Kept, seconds: float) -> None:
        self._left += 1
        self._hide(kept, seconds)

    def _hide(self, kept: Kept, seconds: float) -> None:
        self._serial += 1
        kept.due = self.turns.seconds + seconds
        heapq.heappush(self._hidden, (kept.due, self._serial, kept))

    def _bring_back(self) -> None:
        """Show what is due, unless it was delayed anew."""
        while self._hidden and self._hidden[0][0] <= self.turns.seconds:
            due, _, kept = heapq.heappop(self._hidden)
            if kept.due == due and not kept.gone:
                kept.due = 0.0
                self._visible.append(kept)

    def _send(self, message: Sent) -> None:
        with self.faults.around("send"):
            self._keep(Kept(message.body, message.group), message.delay_seconds)
