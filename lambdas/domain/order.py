"""The order: its lines, its three axes of state and its short timeline."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.domain.money import Money, included_tax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambdas.domain.identifiers import ClientId, OrderId

TIMELINE_LIMIT: Final = 20


class Status(StrEnum):
    """Where the order as a whole stands."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    ATTENTION_REQUIRED = "attention_required"


TERMINAL: Final = frozenset({Status.COMPLETED, Status.REJECTED, Status.CANCELLED})

PAYMENT_CREATED: Final = "payment_created"
# Events of the timeline that something is told from however many follow: each comes once at most.
_KEPT: Final = frozenset({*TERMINAL, PAYMENT_CREATED})


class PaymentStatus(StrEnum):
    """Where the order's money stands."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    EXPIRED = "expired"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    NOT_REQUIRED = "not_required"


class FulfillmentStatus(StrEnum):
    """Where the order's goods stand."""

    UNRESERVED = "unreserved"
    RESERVED = "reserved"
    SHIPPED = "shipped"
    OUT_OF_STOCK = "out_of_stock"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Line:
    """One line as accepted: its price and tax rate are frozen.

    `unit_price` is in minor units and includes tax; `tax_rate` is in basis points.
    """

    sku: str
    quantity: int
    unit_price: int
    tax_rate: int = 0
    price_id: str = "list"

    @property
    def total(self) -> int:
        """The line's gross amount in minor units."""
        return self.quantity * self.unit_price

    @property
    def tax(self) -> int:
        """The tax inside the line's gross amount, rounded once per line."""
        return included_tax(self.total, self.tax_rate)


@dataclass(frozen=True, slots=True)
class Event:
    """A point of the order's timeline; `at` is RFC 3339 in UTC."""

    at: str
    name: str


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A client's wish to end the order before it is shipped; `key` is a digest of the request's key."""

    requested_at: str
    reason_code: str
    key: str
    request_hash: str


class CancellationStatus(StrEnum):
    """What became of the wish."""

    REQUESTED = "requested"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RefundSums:
    """What an order's refunds add up to, in minor units.

    `reserved` counts all that have not failed, `refunded` those that are booked, `tax` the tax in those;
    `unfinished` is the number of refunds on which work is left.
    """

    reserved: int = 0
    refunded: int = 0
    tax: int = 0
    unfinished: int = 0


NO_REFUNDS: Final = RefundSums()

# Why an order is to end before its money is taken, beside the reasons that the steps find themselves.
CANCELLED_BY_CLIENT: Final = "cancelled"
AUTHORIZATION_EXPIRING: Final = "authorization_expiring"
ABANDONED_BY_OPERATOR: Final = "abandoned_by_operator"


@dataclass(frozen=True, slots=True)
class Order:
    """The order's head. `lines` is None when they were not loaded with it (large orders keep them apart).

    `entries` counts the order's journal entries. `held`: an operator wants the payment kept however old it
    gets. `expiring`: it is to be given free. `ending` is why the order is to be rejected, stored before its
    payment is given free. `abandoned`: an operator wants the order ended. `handed_back` counts how often the
    watchdog had to help.
    """

    order_id: OrderId
    client: ClientId
    currency: str
    total: int
    tax: int
    request_hash: str
    lines_digest: str
    accepted_at: str
    payment_method: str | None = None
    reference: str | None = None
    lines: tuple[Line, ...] | None = None
    status: Status = Status.ACCEPTED
    payment_status: PaymentStatus = PaymentStatus.PENDING
    fulfillment_status: FulfillmentStatus = FulfillmentStatus.UNRESERVED
    reason: str | None = None
    updated_at: str = ""
    claim: str | None = None
    claim_until: int = 0
    payment_intent: str | None = None
    key_generation: int = 0
    revision: int = 1
    timeline: tuple[Event, ...] = field(default=())
    cancellation: Cancellation | None = None
    expiring: bool = False
    ending: str | None = None
    abandoned: bool = False
    held: bool = False
    handed_back: int = 0
    entries: int = 0
    refunds: RefundSums = NO_REFUNDS

    @property
    def amount(self) -> Money:
        """What the customer pays, tax included."""
        return Money(self.total, self.currency)

    @property
    def terminal(self) -> bool:
        """Whether the order has ended; a refund may still change its money."""
        return self.status in TERMINAL

    @property
    def open(self) -> bool:
        """Whether work is left that some message has to move."""
        return not self.terminal or self.refunds.unfinished > 0

    @property
    def stop_reason(self) -> str | None:
        """Why the next step is to end the order instead of going on; None when it goes on."""
        if self.cancellation:
            return CANCELLED_BY_CLIENT
        # What somebody took by hand cannot be given free: an operator's replay may sell the order.
        if self.payment_status is not PaymentStatus.CAPTURED:
            if self.ending:
                return self.ending
            if self.abandoned:
                return ABANDONED_BY_OPERATOR
        return AUTHORIZATION_EXPIRING if self.expiring else None

    @property
    def refundable(self) -> int:
        """What may still be refunded, in minor units."""
        return self.total - self.refunds.reserved if self.entries else 0

    @property
    def cancellation_status(self) -> CancellationStatus | None:
        """What became of the client's cancellation; None without one."""
        if self.cancellation is None:
            return None
        if self.status is Status.CANCELLED:
            return CancellationStatus.DONE
        return CancellationStatus.REFUSED if self.terminal else CancellationStatus.REQUESTED

    def as_accepted(self) -> Order:
        """Return the order as its first answer showed it, whatever became of it since."""
        return replace(
            self,
            status=Status.ACCEPTED,
            payment_status=initial_payment_status(self.total),
            fulfillment_status=FulfillmentStatus.UNRESERVED,
            reason=None,
            updated_at=self.accepted_at,
            timeline=self.timeline[:1],
            cancellation=None,
            refunds=NO_REFUNDS,
        )


def initial_payment_status(total: int) -> PaymentStatus:
    """An order whose total is zero takes no payment."""
    return PaymentStatus.PENDING if total else PaymentStatus.NOT_REQUIRED


def extend_timeline(timeline: Sequence[Event], *events: Event) -> tuple[Event, ...]:
    """Append events; beyond the limit the first, the payment's, the order's end and the newest stay."""
    extended = [*timeline, *events]
    while len(extended) > TIMELINE_LIMIT:
        passing = (n for n, event in enumerate(extended[1:], 1) if event.name not in _KEPT)
        del extended[next(passing)]
    return tuple(extended)


def quantities_by_sku(lines: Iterable[Line]) -> dict[str, int]:
    """Add up what an order needs of each SKU (several lines may name one), sorted by SKU."""
    wanted: dict[str, int] = {}
    for line in lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return dict(sorted(wanted.items()))


def digest_lines(lines: Iterable[Line]) -> str:
    """Hash the priced lines: names the item that keeps them and proves that they are the accepted ones."""
    rows = [[n.sku, n.quantity, n.unit_price, n.tax_rate, n.price_id] for n in lines]
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
