"""What an order's story consists of. Times are aware and UTC, amounts are minor units of its currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from lambdas.domain.order import FulfillmentStatus, PaymentStatus, quantities_by_sku
from lambdas.domain.refund import quantities_to_restock

if TYPE_CHECKING:
    from lambdas.domain.ledger import JournalEntry
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund
    from orders.trace.story import Story


@dataclass(frozen=True, slots=True)
class NotRead:
    """A part of the story that could not be read; `why` is one line for a person."""

    why: str


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """All that the orders table has of an order; `chunks` are the numbers of its reservation's markers."""

    order: Order
    lines: tuple[Line, ...] | NotRead
    refunds: tuple[Refund, ...] = ()
    chunks: frozenset[int] = frozenset()

    @property
    def captured(self) -> int:
        """What the head says was taken of the customer."""
        taken = {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}
        return self.order.total if self.order.payment_status in taken else 0

    @property
    def shipped(self) -> bool:
        """Whether the head says that the goods have left."""
        return self.order.fulfillment_status is FulfillmentStatus.SHIPPED

    @property
    def quantities(self) -> dict[str, int]:
        """What the order needs of each SKU; empty when its lines could not be read."""
        return {} if isinstance(self.lines, NotRead) else quantities_by_sku(self.lines)

    def returned(self, refund: Refund) -> dict[str, int]:
        """Return what a refund's lines name of each SKU; empty when the order's lines could not be read."""
        return {} if isinstance(self.lines, NotRead) else quantities_to_restock(refund, self.lines)

    @property
    def claim_until(self) -> datetime:
        """When the claim runs out by itself."""
        return datetime.fromtimestamp(self.order.claim_until, UTC)

    def claim_is_live(self, now: datetime) -> bool:
        """Whether an execution holds the order at this moment."""
        return self.order.claim is not None and self.claim_until >= now


@dataclass(frozen=True, slots=True)
class StockLine:
    """What an order has of a SKU: `state` is `not held`, `reserved`, `shipped` or `given back`.

    `restocked` came back with refunds; `on_hand` is left to all orders now, None for an unknown SKU.
    """

    sku: str
    quantity: int
    state: str
    restocked: int
    on_hand: int | None


@dataclass(frozen=True, slots=True)
class BookedEntry:
    """A journal entry, and whether its content is the one that its stored hash was made of."""

    entry: JournalEntry
    intact: bool


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund at the provider; `refund_id` is ours, from its metadata."""

    reference: str
    status: str
    amount: int
    created_at: datetime
    refund_id: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """The order's payment as the provider has it.

    `capturable` is held and not taken; `fee` and `net` are known once it is captured; from `settles_at` on
    the money can be paid out.
    """

    intent_id: str
    status: str
    amount: int
    captured: int
    capturable: int
    created_at: datetime
    decline_code: str | None = None
    charge: str | None = None
    disputed: bool = False
    balance_transaction: str | None = None
    fee: int | None = None
    net: int | None = None
    settles_at: datetime | None = None
    refunds: tuple[ProviderRefund, ...] = ()

    @property
    def refunded(self) -> int:
        """What went back to the customer or is on its way, and did not come back from there."""
        return sum(refund.amount for refund in self.refunds if refund.status not in {"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Shipment:
    """The order's shipment as the warehouse has it."""

    status: str
    accepted_at: datetime | None
    quantities: dict[str, int]

    @property
    def stands(self) -> bool:
        """Whether the goods leave, or have left."""
        return self.status not in {"cancelled", "canceled"}


@dataclass(frozen=True, slots=True)
class Log:
    """What the functions logged of the order; `remarks` say what of it could not be read."""

    story: Story
    remarks: tuple[str, ...] = ()


class Verdict(StrEnum):
    """Whether the sources tell the same."""

    AGREE = "agree"
    DISAGREE = "disagree"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that several sources say: each source's value, by the source's name."""

    name: str
    values: dict[str, int | str]

    @property
    def agrees(self) -> bool:
        """Whether all say the same."""
        return len(set(self.values.values())) == 1


@dataclass(frozen=True, slots=True)
class Agreement:
    """What came of holding the sources against each other; `remarks` say what was left out and why."""

    verdict: Verdict
    facts: tuple[Fact, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def disagreements(self) -> tuple[Fact, ...]:
        """The facts on which the sources differ."""
        return tuple(fact for fact in self.facts if not fact.agrees)


@dataclass(frozen=True, slots=True)
class Trace:
    """An order's whole story as of `traced_at`. Payment and shipment are None where there is none."""

    traced_at: datetime
    stored: StoredOrder
    log: Log | NotRead
    payment: Payment | NotRead | None
    shipment: Shipment | NotRead | None
    stock: tuple[StockLine, ...] | NotRead
    ledger: tuple[BookedEntry, ...] | NotRead
