"""The import from beginning to end: file, catalogue, orders, refunds, and what became of every row."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from orders.order_watch import OrderWatch
from orders.retail.accepting import PATIENCE_SECONDS, OrderPhases
from orders.retail.catalogue import wanted_products
from orders.retail.credits import match_credits, sale_of
from orders.retail.imported import Imported
from orders.retail.invoices import exclude_products, sort_rows
from orders.retail.reasons import Reason, refund_refused
from orders.retail.refunding import RefundWatch, accept_refunds
from orders.retail.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from orders.patient_client import PatientClient
    from orders.retail.accepting import OrderOutcome
    from orders.retail.catalogue import Wanted
    from orders.retail.catalogue_table import CatalogueChange
    from orders.retail.credits import Matched
    from orders.retail.file import RetailFile
    from orders.retail.invoices import Invoices
    from orders.retail.refunding import RefundOutcome


class Phases(Protocol):
    """Shows how far the import is."""

    def begin(self, name: str, total: int) -> Callable[[int], None]:
        """Begin a phase of so many things; what is returned hears how many of them are done."""
        ...

    def say(self, text: str) -> None:
        """Tell the person something while a phase is under way."""
        ...


class Catalogue(Protocol):
    """Where the products are written; see `orders.retail.catalogue_table.CatalogueTable`."""

    def bring_up(
        self, wanted: Mapping[str, Wanted], source: str, told: Callable[[int], None]
    ) -> CatalogueChange:
        """Write what is missing for the file that `source` names."""
        ...


@dataclass(frozen=True, slots=True)
class RetailImport:
    """Imports a file. Nothing is kept on this machine: whatever stopped it, the same again goes on."""

    client: PatientClient
    catalogue: Catalogue
    phases: Phases
    patience: float = PATIENCE_SECONDS
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, file: RetailFile) -> Imported:
        """Import the whole file.

        Raises:
            StoreUnavailable, ApiUnreachable, ApiRefused: what was accepted until then stays.
        """
        clock = _Stopwatch(self.now)
        invoices = sort_rows(file)
        wanted = wanted_products(invoices.orders.values())
        clock.lap("sorting")
        change = self.catalogue.bring_up(wanted, file.digest, self.phases.begin("catalogue", len(wanted)))
        exclude_products(invoices.orders, change.conflicts)
        clock.lap("catalogue")
        tally = Tally()
        orders = self._orders(invoices, clock)
        _tally_orders(tally, invoices, orders)
        refunds = self._refunds(invoices, orders, tally, clock)
        products = len(wanted) - len(change.conflicts)
        return Imported(file, invoices, products, change, orders, refunds, tally, clock.laps)

    def _orders(self, invoices: Invoices, clock: _Stopwatch) -> list[OrderOutcome]:
        todo = list(invoices.orders.values())
        phases = OrderPhases(
            self.client,
            OrderWatch(self.client, self.patience, self._say_quiet, self.now, self.sleep),
            self.phases.begin("orders accepted", len(todo)),
            self.phases.begin("orders ended", len(todo)),
        )
        orders = phases.accept(todo)
        clock.lap("orders_accepted")
        phases.follow(orders)
        clock.lap("orders_ended")
        return orders

    def _say_quiet(self, waiting: int) -> None:
        self.phases.say(
            f"No order has ended for a minute; still open: {waiting:,}. What failed is tried again after "
            "up to ten minutes, what was cut off after twenty. Ctrl-C leaves the rest for another run."
        )

    def _refunds(
        self, invoices: Invoices, orders: list[OrderOutcome], tally: Tally, clock: _Stopwatch
    ) -> list[RefundOutcome]:
        matched = _match(invoices, orders)
        for row, reason in matched.excluded:
            tally.exclude(row, reason)
        tell = self.phases.begin("refunds accepted", len(matched.refunds))
        refunds = accept_refunds(self.client, matched.refunds, tell)
        clock.lap("refunds_accepted")
        _tally_refunds(tally, refunds)
        accepted = sum(outcome.refund_id is not None for outcome in refunds)
        watch = RefundWatch(self.client, self.patience, self.now, self.sleep)
        watch.until_ended(refunds, self.phases.begin("refunds ended", accepted))
        clock.lap("refunds_ended")
        return refunds


def _match(invoices: Invoices, orders: list[OrderOutcome]) -> Matched:
    sales = [sale_of(o.invoice, o.order_id) for o in orders if o.order_id and o.completed]
    unsure = {outcome.invoice.customer for outcome in orders if outcome.stuck}
    return match_credits(invoices.credit_notes.values(), sales, unsure)


def _tally_orders(tally: Tally, invoices: Invoices, orders: Iterable[OrderOutcome]) -> None:
    for outcome in orders:
        _tally_order(tally, outcome)
    for note in invoices.credit_notes.values():
        for row, reason in note.excluded:
            tally.exclude(row, reason)
    notes = (unreadable for note in invoices.credit_notes.values() for unreadable in note.unreadable)
    for unreadable in (*invoices.homeless, *notes):
        tally.exclude(unreadable, unreadable.reason)


def _tally_order(tally: Tally, outcome: OrderOutcome) -> None:
    invoice = outcome.invoice
    if outcome.order_id:
        tally.sell(invoice.lines)
    else:
        for row in invoice.rows:
            tally.exclude(row, Reason.REFUSED_BY_API)
    # An invoice that went out as it stands, and was accepted, has sold these rows after all.
    if invoice.rows or not outcome.order_id:
        for row, reason in invoice.excluded:
            tally.exclude(row, reason)
    for unreadable in invoice.unreadable:
        tally.exclude(unreadable, unreadable.reason)


def _tally_refunds(tally: Tally, refunds: Iterable[RefundOutcome]) -> None:
    for outcome in refunds:
        if outcome.refund_id:
            tally.give_back(outcome.planned.rows)
        else:
            for row in outcome.planned.rows:
                tally.exclude(row, refund_refused(outcome.failure or "unknown"))


@dataclass(slots=True)
class _Stopwatch:
    """Measures the phases one after the other."""

    now: Callable[[], float]
    laps: dict[str, float] = field(default_factory=dict)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.now()

    def lap(self, name: str) -> None:
        present = self.now()
        self.laps[name] = present - self._since
        self._since = present
