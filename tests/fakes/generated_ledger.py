"""A ledger table that makes its entries up while it is read: as large as wanted, with nothing kept."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.ledger import BY_PERIOD, entry_values
from lambdas.domain.identifiers import OrderId
from lambdas.domain.ledger import PERIOD_SHARDS, RECEIVABLE, SALES, SALES_TAX, JournalEntry, Posting
from lambdas.domain.timestamps import to_text

AMOUNT: Final = 1_200
TAX: Final = 200
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LETTERS: Final = 26


@dataclass
class GeneratedLedger:
    """botocore's client, as far as the ledger's reader uses it: `per_shard` entries in each shard of a day.

    `reads` counts the pages of each day, `items` what they held, `seconds` what making them up took.
    """

    per_shard: int
    reads: Counter[str] = field(default_factory=Counter)
    items: int = 0
    seconds: float = 0.0

    def query(self, **query: Any) -> dict[str, Any]:
        """Answer with a page of a partition of the index, within its limit."""
        began = time.perf_counter()
        try:
            return self._page(query)
        finally:
            self.seconds += time.perf_counter() - began

    def _page(self, query: dict[str, Any]) -> dict[str, Any]:
        assert query["IndexName"] == BY_PERIOD
        values = {name: value["S"] for name, value in query["ExpressionAttributeValues"].items()}
        day, _, shard = values[":period"].partition("#")
        within = self._between(day, int(shard), values[":since"], values[":until"])
        first = int(query.get("ExclusiveStartKey", {}).get("place", {"N": "0"})["N"])
        page = within[first : first + query["Limit"]]
        self.reads[day] += 1
        self.items += len(page)
        after = first + len(page)
        more = {"LastEvaluatedKey": {"place": {"N": str(after)}}} if after < len(within) else {}
        return {"Items": [an_item(day, int(shard), n, self.per_shard) for n in page], **more}

    def _between(self, day: str, shard: int, since: str, until: str) -> range:
        """The numbers of a shard's entries that were booked then, both ends included."""
        start, step = datetime.fromisoformat(f"{day}T00:00:00+00:00"), _step(self.per_shard)
        low, high = ((datetime.fromisoformat(t) - start) // timedelta(milliseconds=1) for t in (since, until))
        first = max(0, -((shard * step - low) // (step * PERIOD_SHARDS)))
        after = min(self.per_shard, (high - shard * step) // (step * PERIOD_SHARDS) + 1)
        return range(first, max(first, after))


def an_item(day: str, shard: int, number: int, per_shard: int) -> dict[str, Any]:
    """A capture of 12.00 GBP: those of a shard are spread over the day."""
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    place = number * PERIOD_SHARDS + shard
    booked_at = start + timedelta(milliseconds=place * _step(per_shard))
    order_id = OrderId("ord_" + _letters(start.toordinal() * 10**8 + place))
    entry = JournalEntry(
        order_id=order_id,
        entry_no=1,
        kind="capture",
        booked_at=to_text(booked_at),
        postings=(
            Posting(RECEIVABLE, "GBP", AMOUNT),
            Posting(SALES, "GBP", TAX - AMOUNT),
            Posting(SALES_TAX, "GBP", -TAX),
        ),
        psp_reference=f"pi_{place}",
        event_id=f"{order_id}.capture",
        actor="workflow",
    )
    return to_item(entry_values(entry))


def _step(per_shard: int) -> int:
    """Milliseconds between two entries of a day."""
    return 86_400_000 // (per_shard * PERIOD_SHARDS)


def _letters(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text.rjust(_ID_LETTERS, "a")
