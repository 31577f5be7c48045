"""Where the money is on a local run: what the ledger says, and what the provider says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.ledger import DynamoJournal
from lambdas.domain.ledger import RECEIVABLE, Balance, is_balanced, trial_balance
from lambdas.domain.timestamps import utc_now
from orders.local.aws import engine_client
from orders.local.standins.remote import RemoteControl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.ledger import JournalEntry
    from orders.local.run_file import Addresses


@dataclass(frozen=True, slots=True)
class Books:
    """The trial balance, and the sums to hold it against; minor units by currency."""

    balances: list[Balance]
    entries: int
    booked: dict[str, int]
    captured_at_provider: dict[str, int]

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits, and the receivable what the provider captured."""
        return is_balanced(self.balances) and self.booked == self.captured_at_provider


def read_books(addresses: Addresses) -> Books:
    """Read all entries of the run's data, and the provider's totals."""
    entries = list(_entries(addresses))
    balances = trial_balance(entries)
    provider = RemoteControl(addresses.payment_url).call("GET", "intents?limit=1")["totals"]
    return Books(
        balances=balances,
        entries=len(entries),
        booked={b.currency: b.debit - b.credit for b in balances if b.account == RECEIVABLE},
        captured_at_provider={
            currency.upper(): sums["captured"] for currency, sums in provider.items() if sums["captured"]
        },
    )


def _entries(addresses: Addresses) -> Iterator[JournalEntry]:
    outputs = addresses.outputs
    client = engine_client("dynamodb", addresses.engine_url)
    journal = DynamoJournal(client, outputs["LedgerTableName"], outputs["OrdersTableName"])
    day, today = date.fromisoformat(addresses.since), utc_now().date()
    while day <= today:
        yield from journal.entries_of_day(day.isoformat())
        day += timedelta(days=1)
