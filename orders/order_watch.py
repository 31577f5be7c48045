"""Follows orders to their end, cheaply, be they a hundred or many thousands.

Orders end roughly in the order in which they were accepted. So the list, newest first, is surveyed once down
to the oldest order that has not ended, and each look after that reads the oldest page again until nearly all
on it have ended, then the page before. Stragglers are asked for one by one. When no page is left, the next
survey finds what was accepted meanwhile. Between two looks it rests a few times as long as the look took.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from lambdas.domain.order import TERMINAL, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FEW: Final = 8
"""So few orders are cheaper to ask for one by one than by a page of the list."""
REST_SECONDS: Final = 0.5
REST_FACTOR: Final = 4
QUIET_SECONDS: Final = 60.0
_STRAGGLERS_A_LOOK: Final = 16
# No message moves an order that waits for a person, so there is nothing to wait for.
SETTLED: Final = TERMINAL | {Status.ATTENTION_REQUIRED}


class OrderReader(Protocol):
    """What a watch needs of the API's client."""

    def get(self, order_id: str) -> dict[str, Any]:
        """Return one order."""
        ...

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of orders, newest first, and the cursor of the next one."""
        ...


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page showed: the orders that are still waited for, all orders, and the next page's cursor."""

    waiting: set[str]
    seen: set[str]
    following: str | None


@dataclass(slots=True)
class OrderWatch:
    """Watches the orders that it is told to follow.

    Args:
        client: whose orders they are.
        patience: how many seconds may pass without any order ending.
        quiet: hears how many have not ended, when none has for a minute.
        now: seconds.
        sleep: lets them pass.
    """

    client: OrderReader
    patience: float
    quiet: Callable[[int], None] = lambda _waiting: None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The orders as they were last seen, by id."""
    settled: int = 0
    """How many of them no message will move any more."""
    _waiting: set[str] = field(default_factory=set)
    _stragglers: list[str] = field(default_factory=list)
    _pages: list[str] = field(default_factory=list)
    """The cursors of the surveyed pages on which orders have not ended, newest first."""
    _rested: float = field(default=0.0)
    """When the next look may be."""

    def follow(self, order_ids: Iterable[str]) -> None:
        """Wait for these as well."""
        self._waiting |= {order_id for order_id in order_ids if order_id not in self.orders}

    def look(self) -> None:
        """Look once for those that have ended."""
        began = self.now()
        if len(self._waiting) <= FEW:
            self._stragglers = sorted(self._waiting)
        self._ask_stragglers()
        while self._pages:
            left = self._read(self._pages[-1]).waiting
            if len(left) > FEW:
                break
            self._pages.pop()
            self._straggle(left)
        if not self._pages and self._waiting.difference(self._stragglers):
            self._survey()
        self._rested = self.now() + max(REST_SECONDS, REST_FACTOR * (self.now() - began))

    def look_when_rested(self) -> None:
        """Look, unless the last look was just now: for a caller that does something else in between."""
        if self.now() >= self._rested:
            self.look()

    def until_ended(self, tell: Callable[[int], None]) -> list[dict[str, Any]]:
        """Look until all have ended, or none does any more; `tell` hears how many have. Return all orders."""
        last_change, told_quiet = self.now(), False
        while True:
            before = len(self._waiting)
            self.look()
            tell(self.settled)
            if len(self._waiting) < before:
                last_change, told_quiet = self.now(), False
            if self._waiting and not told_quiet and self.now() - last_change > QUIET_SECONDS:
                told_quiet = True
                self.quiet(len(self._waiting))
            if not self._waiting or self.now() - last_change > self.patience:
                unseen = sorted(self._waiting - self.orders.keys())
                return [*self.orders.values(), *map(self.client.get, unseen)]
            self.sleep(max(0.0, self._rested - self.now()))

    def _survey(self) -> None:
        """Read the list until every order that is waited for has been met, and remember where they are."""
        missing = self._waiting.difference(self._stragglers)
        page = self._read(None)
        # The list's head moves with every new order; only what lies behind a cursor stays in its place.
        while (missing := missing - page.seen) and (cursor := page.following):
            page = self._read(cursor)
            if len(page.waiting) > FEW:
                self._pages.append(cursor)
            else:
                self._straggle(page.waiting)
        self._straggle(missing)  # not in the list yet

    def _read(self, cursor: str | None) -> _Page:
        found, following = self.client.page(cursor)
        seen = {order["order_id"] for order in found}
        for order in found:
            if order["order_id"] in self._waiting:
                self._note(order)
        return _Page(seen & self._waiting, seen, following)

    def _straggle(self, order_ids: set[str]) -> None:
        self._stragglers += sorted(order_ids.difference(self._stragglers))

    def _ask_stragglers(self) -> None:
        asked, rest = self._stragglers[:_STRAGGLERS_A_LOOK], self._stragglers[_STRAGGLERS_A_LOOK:]
        for order_id in asked:
            self._note(self.client.get(order_id))
        self._stragglers = rest + [order_id for order_id in asked if order_id in self._waiting]

    def _note(self, order: dict[str, Any]) -> None:
        self.orders[order["order_id"]] = order
        if order["status"] in SETTLED and order["order_id"] in self._waiting:
            self._waiting.remove(order["order_id"])
            self.settled += 1
