"""A client of the API that waits where waiting helps: for a pipeline that is busy, restarting or away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from orders.api_client import ApiRefused, ApiUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.api_client import Submitted

T = TypeVar("T")

PATIENCE_SECONDS: Final = 120.0
_FIRST_DELAY_SECONDS: Final = 1.0
_LONGEST_DELAY_SECONDS: Final = 15.0
_RETRYABLE: Final = frozenset({429, 500, 502, 503, 504})


class Stopped(Exception):
    """The waiting was broken off, because the whole is to stop."""


class OrdersApi(Protocol):
    """The API's operations, as `orders.api_client.OrdersClient` has them."""

    def submit(self, body: bytes, key: str) -> Submitted:
        """Submit an order's JSON under a key."""
        ...

    def get(self, order_id: str) -> dict[str, Any]:
        """Return one order."""
        ...

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of orders, newest first, and the cursor of the next one."""
        ...

    def refund(self, order_id: str, body: bytes, key: str) -> Submitted:
        """Ask for a refund under a key."""
        ...

    def refunds(self, order_id: str) -> list[dict[str, Any]]:
        """Return all refunds of an order."""
        ...


@dataclass(frozen=True, slots=True)
class PatientClient:
    """Repeats what may succeed later for `patience` seconds, then raises what it met last.

    Every POST carries its key, so a repetition does nothing twice. `stop` ends all waiting, in every thread.
    """

    client: OrdersApi
    patience: float = PATIENCE_SECONDS
    stop: threading.Event = field(default_factory=threading.Event)
    now: Callable[[], float] = time.monotonic

    def submit(self, body: bytes, key: str) -> Submitted:
        """Submit an order's JSON under a key."""
        return self._patiently(lambda: self.client.submit(body, key))

    def get(self, order_id: str) -> dict[str, Any]:
        """Return one order."""
        return self._patiently(lambda: self.client.get(order_id))

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of orders, newest first, and the cursor of the next one."""
        return self._patiently(lambda: self.client.page(cursor, limit))

    def refund(self, order_id: str, body: bytes, key: str) -> Submitted:
        """Ask for a refund under a key."""
        return self._patiently(lambda: self.client.refund(order_id, body, key))

    def refunds(self, order_id: str) -> list[dict[str, Any]]:
        """Return all refunds of an order."""
        return self._patiently(lambda: self.client.refunds(order_id))

    def _patiently(self, call: Callable[[], T]) -> T:
        deadline = self.now() + self.patience
        delay = _FIRST_DELAY_SECONDS
        while True:
            if self.stop.is_set():
                raise Stopped
            try:
                return call()
            except ApiUnreachable:
                if self.now() >= deadline:
                    raise
            except ApiRefused as error:
                if not is_retryable(error) or self.now() >= deadline:
                    raise
            self.stop.wait(delay)
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)


def is_retryable(error: ApiRefused) -> bool:
    """Tell whether the same request may succeed later."""
    return bool(error.problem.get("retryable", error.status in _RETRYABLE))
