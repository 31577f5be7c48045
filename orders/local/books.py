"""Where the money is on a local run: what the ledger says, and what the provider says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.adapters.dynamodb.ledger import DynamoJournal
from lambdas.domain.ledger import RECEIVABLE, Balance, is_balanced, trial_balance
from lambdas.domain.timestamps import utc_now
from orders.local.aws import engine_client
from orders.local.standins.remote import RemoteControl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.ledger import JournalEntry
    from orders.local.run_file import Addresses
    from orders.local.standins.messages import Json

_INTENTS_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Books:
    """The trial balance, and the sums to hold it against; minor units by currency.

    `booked` is the receivable's balance.
    """

    balances: list[Balance]
    entries: int
    booked: dict[str, int]
    captured_at_provider: dict[str, int]
    refunded_at_provider: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits, and the receivable what the provider captured and did not refund."""
        currencies = self.booked.keys() | self.captured_at_provider.keys() | self.refunded_at_provider.keys()
        return is_balanced(self.balances) and all(
            self.booked.get(currency, 0) == self.net_at_provider(currency) for currency in currencies
        )

    def net_at_provider(self, currency: str) -> int:
        """What the provider captured and did not refund."""
        return self.captured_at_provider.get(currency, 0) - self.refunded_at_provider.get(currency, 0)


def read_books(addresses: Addresses) -> Books:
    """Read all entries of the run's data, and the provider's totals."""
    entries = list(_entries(addresses))
    balances = trial_balance(entries)
    provider = RemoteControl(addresses.payment_url).call("GET", "intents?limit=1")["totals"]
    return Books(
        balances=balances,
        entries=len(entries),
        booked={b.currency: b.debit - b.credit for b in balances if b.account == RECEIVABLE},
        captured_at_provider=_of_each_currency(provider, "captured"),
        refunded_at_provider=_of_each_currency(provider, "refunded"),
    )


def captured_by_order(addresses: Addresses) -> dict[str, int]:
    """Ask the provider what it captured for each order, in minor units."""
    control = RemoteControl(addresses.payment_url)
    captured: dict[str, int] = {}
    after = ""
    while True:
        page = control.call("GET", f"intents?limit={_INTENTS_PAGE}{after}")
        for intent in page["intents"]:
            order_id = intent["order_id"] or ""
            captured[order_id] = captured.get(order_id, 0) + intent["captured"]
        if not page["has_more"]:
            return captured
        after = f"&after={page['intents'][-1]['id']}"


def _of_each_currency(totals: Json, name: str) -> dict[str, int]:
    return {currency.upper(): sums[name] for currency, sums in totals.items() if sums[name]}


def _entries(addresses: Addresses) -> Iterator[JournalEntry]:
    outputs = addresses.outputs
    client = engine_client("dynamodb", addresses.engine_url)
    journal = DynamoJournal(client, outputs["LedgerTableName"], outputs["OrdersTableName"])
    day, today = date.fromisoformat(addresses.since), utc_now().date()
    while day <= today:
        yield from journal.entries_of_day(day.isoformat())
        day += timedelta(days=1)
