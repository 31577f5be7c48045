"""The double-entry ledger: immutable journal entries whose postings add up to zero."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import OrderId, entry_id_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

RECEIVABLE: Final = "Assets:Receivable:Stripe"
SALES: Final = "Income:Sales"
SALES_TAX: Final = "Liabilities:SalesTax"
CAPTURE: Final = "capture"
REFUND: Final = "refund"
CAPTURE_ENTRY: Final = 1
SCHEMA: Final = 1
PERIOD_SHARDS: Final = 16


class UnbalancedEntry(ValueError):
    """The postings of an entry do not add up to zero in every currency."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account in minor units: debits are positive, credits negative, never zero."""

    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One immutable entry. Ids only: no personal data. `booked_at` is RFC 3339 in UTC."""

    order_id: OrderId
    entry_no: int
    kind: str
    booked_at: str
    postings: tuple[Posting, ...]
    psp_reference: str
    event_id: str
    actor: str
    reason_code: str | None = None
    reverses: str | None = None
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        """Refuse an entry that does not balance or posts zero."""
        sums: dict[str, int] = {}
        for posting in self.postings:
            if posting.amount == 0:
                raise UnbalancedEntry(f"{posting.account} is posted with zero")
            sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount
        if not sums or any(sums.values()):
            raise UnbalancedEntry(f"entry {self.entry_no} of {self.order_id}: {sums or 'empty'}")

    @property
    def entry_id(self) -> str:
        """The entry's id, derived from its key."""
        return entry_id_for(self.order_id, self.entry_no)

    @property
    def period(self) -> str:
        """The partition of the index by period: the day and a shard, so that no partition is hot."""
        shard = int(hashlib.sha256(self.order_id.encode()).hexdigest()[:2], 16) % PERIOD_SHARDS
        return period_key(self.booked_at[:10], shard)

    @property
    def canonical(self) -> bytes:
        """The entry as bytes: every field in JSON with sorted keys, no white space, ASCII alone.

        The leaf of the sealed log is made of them, so they can never change for an entry that is booked.
        """
        content = {
            "order_id": self.order_id,
            "entry_no": self.entry_no,
            "kind": self.kind,
            "booked_at": self.booked_at,
            "postings": [[p.account, p.currency, p.amount] for p in self.postings],
            "psp_reference": self.psp_reference,
            "event_id": self.event_id,
            "actor": self.actor,
            "reason_code": self.reason_code,
            "reverses": self.reverses,
            "schema": self.schema,
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical bytes, in hex."""
        return hashlib.sha256(self.canonical).hexdigest()


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account's postings add up to, in minor units; `debit` and `credit` are both positive."""

    account: str
    currency: str
    debit: int
    credit: int


def period_key(day: str, shard: int) -> str:
    """Name a partition of the index by period; `day` is `YYYY-MM-DD`."""
    return f"{day}#{shard:02d}"


def capture_entry(order: Order, booked_at: str, psp_reference: str) -> JournalEntry:
    """Book a captured payment: the provider owes us the total, of which the tax is not ours."""
    return JournalEntry(
        order_id=order.order_id,
        entry_no=CAPTURE_ENTRY,
        kind=CAPTURE,
        booked_at=booked_at,
        postings=_sale(order.currency, order.total, order.tax),
        psp_reference=psp_reference,
        event_id=f"{order.order_id}.{CAPTURE}",
        actor="workflow",
    )


def refund_entry(order: Order, refund: Refund, tax: int, booked_at: str, psp_reference: str) -> JournalEntry:
    """Reverse a refund's part of the sale; `order` is the head before the refund counts in it."""
    return JournalEntry(
        order_id=order.order_id,
        entry_no=order.entries + 1,
        kind=REFUND,
        booked_at=booked_at,
        postings=_sale(order.currency, -refund.amount, -tax),
        psp_reference=psp_reference,
        event_id=f"{refund.refund_id}.{refund.status}",
        actor="workflow",
        reason_code=refund.reason_code,
        reverses=entry_id_for(order.order_id, CAPTURE_ENTRY),
    )


def _sale(currency: str, amount: int, tax: int) -> tuple[Posting, ...]:
    candidates = (
        Posting(RECEIVABLE, currency, amount),
        Posting(SALES, currency, tax - amount),
        Posting(SALES_TAX, currency, -tax),
    )
    return tuple(p for p in candidates if p.amount)


def trial_balance(entries: Iterable[JournalEntry]) -> list[Balance]:
    """Add up every account per currency, sorted; over a sound ledger debits equal credits."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for entry in entries:
        for p in entry.postings:
            debit, credit = sums.get((p.account, p.currency), (0, 0))
            sums[p.account, p.currency] = (debit + max(p.amount, 0), credit + max(-p.amount, 0))
    return [Balance(*key, *value) for key, value in sorted(sums.items())]


def is_balanced(balances: Iterable[Balance]) -> bool:
    """Tell whether debits equal credits in every currency."""
    net: dict[str, int] = {}
    for balance in balances:
        net[balance.currency] = net.get(balance.currency, 0) + balance.debit - balance.credit
    return not any(net.values())
