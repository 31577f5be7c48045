"""What was captured and refunded of each order, as the provider has it and as the ledger has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.ledger import CAPTURE, RECEIVABLE

if TYPE_CHECKING:
    from tests.fakes.pipeline import Pipeline

# An order's id and a currency.
Key = tuple[str, str]


@dataclass(slots=True)
class Sums:
    """Minor units by order and currency, all positive."""

    captured: Counter[Key] = field(default_factory=Counter)
    refunded: Counter[Key] = field(default_factory=Counter)

    def by_currency(self) -> dict[str, tuple[int, int]]:
        """Add up what was captured and refunded in each currency."""
        captured, refunded = _by_currency(self.captured), _by_currency(self.refunded)
        return {currency: (captured[currency], refunded[currency]) for currency in sorted(captured)}


def at_the_provider(pipeline: Pipeline) -> Sums:
    """Add up the provider's payments and refunds."""
    sums = Sums()
    for order_id, intent in pipeline.payments.all_intents():
        if intent.captured:
            sums.captured[order_id, intent.amount.currency] += intent.captured
    for request, refund in pipeline.payments.refunds.standing():
        sums.refunded[request.order_id, refund.amount.currency] += refund.amount.minor
    return sums


def in_the_ledger(pipeline: Pipeline) -> Sums:
    """Add up the journal's postings on the receivable."""
    sums = Sums()
    for entry in pipeline.journal.entries.values():
        for posting in entry.postings:
            if posting.account == RECEIVABLE:
                book, sign = (sums.captured, 1) if entry.kind == CAPTURE else (sums.refunded, -1)
                book[entry.order_id, posting.currency] += sign * posting.amount
    return sums


def _by_currency(amounts: Counter[Key]) -> Counter[str]:
    total: Counter[str] = Counter()
    for (_, currency), amount in amounts.items():
        total[currency] += amount
    return total
