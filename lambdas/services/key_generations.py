"""Keys sent to the provider go stale when it has saved a failure under them and replays it for a day."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lambdas.domain.errors import ProviderUnavailable
from lambdas.domain.payment import StaleKey
from lambdas.domain.timestamps import to_text
from lambdas.domain.transitions import next_key_generation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderStore
    from lambdas.domain.timestamps import Clock


@contextmanager
def renewing_stale_keys(orders: OrderStore, order: Order, claim: str, now: Clock) -> Iterator[None]:
    """Store the next generation of keys, then raise ProviderUnavailable, so that a retry uses it."""
    try:
        yield
    except StaleKey as error:
        orders.save(next_key_generation(order, to_text(now())), claim)
        raise ProviderUnavailable("a saved failure was replayed; new keys from now on") from error
