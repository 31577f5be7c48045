"""Reads a deployment's ledger for reports: page by page, in the order of booking, never the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lambdas.adapters.dynamodb.ledger_reading import DynamoEntryReader
from lambdas.domain.sealing import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.ledger import JournalEntry
    from orders.deployment import Deployment
    from orders.ledger.selection import Selection


class EntryUnreadable(Exception):
    """An item of the ledger is no entry, or not the one whose hash it carries: no sum can be trusted."""


class EntrySource(Protocol):
    """The ledger's items, by the time of booking and by order."""

    def booked_between(self, since: str, until: str) -> Iterator[JournalEntry | Unreadable]:
        """Yield what was booked in `[since, until)`, by the time of booking."""
        ...

    def of_order(self, order_id: OrderId) -> Iterator[JournalEntry | Unreadable]:
        """Yield an order's entries by their numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger; `beginning` is a time before its first entry."""

    source: EntrySource
    beginning: str

    def read(self, selection: Selection) -> Iterator[JournalEntry | Unreadable]:
        """Yield the entries of a selection in the order of booking, and every item that cannot be read."""
        for found in self._items(selection):
            if isinstance(found, Unreadable) or selection.takes(found):
                yield found

    def entries(self, selection: Selection) -> Iterator[JournalEntry]:
        """Yield the entries of a selection in the order of booking.

        Raises:
            EntryUnreadable: one cannot be read. A sum without it would be wrong without saying so.
        """
        for found in self.read(selection):
            if isinstance(found, Unreadable):
                raise EntryUnreadable(
                    f"{found.key.entry_id} cannot be read ({found.fault}): `orders ledger check` tells more"
                )
            yield found

    def _items(self, selection: Selection) -> Iterator[JournalEntry | Unreadable]:
        if selection.order_id is not None:
            return self.source.of_order(selection.order_id)
        return self.source.booked_between(max(selection.span.since, self.beginning), selection.span.until)


def open_ledger(deployment: Deployment) -> Ledger:
    """Return the ledger of a deployment."""
    return Ledger(
        source=DynamoEntryReader(deployment.client("dynamodb"), deployment.output("LedgerTableName")),
        beginning=f"{deployment.output('LedgerSince')}T00:00:00.000Z",
    )
