"""What it means that a conditional write of an order's head failed: had it worked before, or has it lost?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lambdas.domain.errors import ClaimLost, StoreUnavailable

if TYPE_CHECKING:
    from lambdas.domain.order import Order


def explain_lost_write(order: Order, claim: str, found: Order) -> None:
    """Return when the write that failed its condition had worked before (its answer was lost), else raise.

    Raises:
        ClaimLost: another execution took the order over.
        StoreUnavailable: the head was changed since it was read; reading it again mends that.
    """
    if is_same_write(order, found):
        return
    if found.claim != claim:
        raise ClaimLost(f"{order.order_id} is no longer claimed by {claim}")
    raise StoreUnavailable(f"the write of {order.order_id} did not take place")


def is_same_write(order: Order, found: Order) -> bool:
    """Tell whether what is stored is what was written.

    All of it is compared: a client's cancellation may have made the same revision at the same moment.
    """
    return _comparable(order) == _comparable(found)


def _comparable(order: Order) -> Order:
    """Leave out what a head does not hold (a large order's lines, the end of a claim given up)."""
    return replace(order, lines=None, claim_until=order.claim_until if order.claim else 0)
