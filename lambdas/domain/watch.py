"""What the watchdog goes by: which orders no message seems to move, and which payments get too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lambdas.domain.order import PAYMENT_CREATED, Order, Status
from lambdas.domain.refund import RefundStatus
from lambdas.domain.timestamps import from_text

if TYPE_CHECKING:
    from datetime import datetime

    from lambdas.domain.refund import Refund

LONGEST_PATIENCE: Final = timedelta(days=1)

# Handed back so often before, an order is stuck: three and a half hours by the usual patience.
STUCK_AFTER: Final = 2

_UNDER_WAY: Final = frozenset({Status.ACCEPTED, Status.PROCESSING})
_ASKED_TO_END: Final = frozenset({"cancel_requested", "authorization_expiring", "abandoned"})
_DOUBLINGS: Final = 20  # more than any patience needs to reach the longest


@dataclass(frozen=True, slots=True)
class WatchRules:
    """`stale` is longer than any message of an order stays hidden; the ages are those of an authorisation.

    A card's authorisation lasts about 7 days, one that the merchant initiated with Visa 4 days and 18 hours:
    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """

    stale: timedelta
    warn_at: timedelta
    expire_at: timedelta

    def is_stale(self, order: Order, now: datetime) -> bool:
        """Tell whether nothing has moved the order for too long, and nothing is at work on it.

        The patience doubles each time that it was handed back: while a long queue is worked off, its orders
        are stale though their messages are there, and each gets log2 of its wait in duplicates, not more.
        """
        patience = min(LONGEST_PATIENCE, self.stale * 2 ** min(order.handed_back, _DOUBLINGS))
        return not has_live_claim(order, now) and now - from_text(order.updated_at) >= patience

    def is_expiring(self, order: Order, now: datetime) -> bool:
        """Tell whether an operator should hear of the order's authorisation."""
        age = authorisation_age(order, now)
        return age is not None and age >= self.warn_at

    def has_to_expire(self, order: Order, now: datetime) -> bool:
        """Tell whether the authorisation is to be given free while that is still ours to decide."""
        age = authorisation_age(order, now)
        if age is None or order.held or order.expiring or order.abandoned or has_live_claim(order, now):
            return False
        return age >= self.expire_at


def watch_rules(stale_minutes: int, warning_days: int, expiry_days: int) -> WatchRules:
    """Make the rules from the settings' numbers."""
    return WatchRules(
        timedelta(minutes=stale_minutes), timedelta(days=warning_days), timedelta(days=expiry_days)
    )


def has_live_claim(order: Order, now: datetime) -> bool:
    """Tell whether an execution may be at work on the order."""
    return order.claim is not None and order.claim_until >= int(now.timestamp())


def needs_message(order: Order) -> bool:
    """Tell whether the order waits for a message, and not for a person.

    One that waits for a person and was asked to end needs a message until an execution has taken it on.
    """
    if order.status in _UNDER_WAY:
        return True
    return order.status is Status.ATTENTION_REQUIRED and order.timeline[-1].name in _ASKED_TO_END


def refund_needs_message(refund: Refund) -> bool:
    """Tell whether work is left on a refund that no person has to decide on."""
    return not refund.finished and refund.status is not RefundStatus.ATTENTION_REQUIRED


def authorisation_age(order: Order, now: datetime) -> timedelta | None:
    """Return how old the order's payment is; None when there is none that could be held.

    The timeline keeps the payment's event. A head that was cut before it did counts from its acceptance.
    """
    if order.terminal or order.payment_intent is None:
        return None
    created = (event.at for event in reversed(order.timeline) if event.name == PAYMENT_CREATED)
    return now - from_text(next(created, order.accepted_at))
