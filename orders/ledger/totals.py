"""What postings add up to: a few sums, however many entries there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.ledger import Balance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lambdas.domain.ledger import JournalEntry, Posting


@dataclass(slots=True)
class Totals:
    """Debits and credits of every account and currency, both positive, in minor units."""

    entries: int = 0
    first: str | None = None
    last: str | None = None
    _sums: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, entry: JournalEntry, takes: Callable[[Posting], bool] | None = None) -> None:
        """Count an entry, with all of its postings or those that are taken."""
        self.entries += 1
        self.first = self.first or entry.booked_at
        self.last = entry.booked_at
        for posting in entry.postings:
            if takes is None or takes(posting):
                sums = self._sums.setdefault((posting.account, posting.currency), [0, 0])
                sums[posting.amount < 0] += abs(posting.amount)

    def counting(self, entries: Iterable[JournalEntry]) -> Iterator[JournalEntry]:
        """Pass entries on, and count them."""
        for entry in entries:
            self.add(entry)
            yield entry

    @property
    def balances(self) -> list[Balance]:
        """The balances, sorted by account and currency."""
        return [Balance(*key, *sums) for key, sums in sorted(self._sums.items())]

    @property
    def by_currency(self) -> dict[str, tuple[int, int]]:
        """The sums of all debits and of all credits of each currency."""
        found: dict[str, tuple[int, int]] = {}
        for balance in self.balances:
            debit, credit = found.get(balance.currency, (0, 0))
            found[balance.currency] = (debit + balance.debit, credit + balance.credit)
        return dict(sorted(found.items()))

    def net(self, account: str, currency: str) -> int:
        """What an account comes to; a debit is positive."""
        debit, credit = self._sums.get((account, currency), (0, 0))
        return debit - credit
