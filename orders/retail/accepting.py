"""Sends the file's invoices through the API as orders, and follows them to their end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.order import TERMINAL, Status
from orders.api_client import ApiRefused
from orders.patient_client import is_retryable
from orders.retail.invoices import order_body
from orders.retail.parallel import do_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from orders.order_watch import OrderWatch
    from orders.patient_client import PatientClient
    from orders.retail.invoices import Invoice

# A failed order comes back after half a minute, two and ten minutes; one that was cut off when its pipeline
# stopped comes back when the queue shows its message again, after twenty.
PATIENCE_SECONDS: Final = 1_500.0
_REFUSALS: Final = frozenset({400, 409, 413, 422})


@dataclass(slots=True)
class OrderOutcome:
    """What became of an invoice; without an id the API refused it, and no order was made of it.

    `replayed` when an earlier run had submitted it.
    """

    invoice: Invoice
    order_id: str | None
    status: str
    reason: str | None
    total: int
    replayed: bool = False

    @property
    def stuck(self) -> bool:
        """Whether the order has not ended."""
        return self.status not in TERMINAL

    @property
    def completed(self) -> bool:
        """Whether the order was paid, shipped and booked."""
        return self.status == Status.COMPLETED


@dataclass(slots=True)
class OrderPhases:
    """Submits invoices, and follows at the same time those that were accepted.

    `accepted` hears how many invoices are answered, `ended` how many have ended, the refused ones included.
    """

    client: PatientClient
    watch: OrderWatch
    accepted: Callable[[int], None]
    ended: Callable[[int], None]
    _refused: int = 0

    def accept(self, invoices: Collection[Invoice]) -> list[OrderOutcome]:
        """Submit every invoice under its key.

        Raises:
            ApiRefused: an answer that does not speak of the order, such as 401.
            ApiUnreachable: nobody answered, for longer than the client's patience.
        """
        outcomes: dict[str, OrderOutcome] = {}

        def answered(invoice: Invoice, outcome: OrderOutcome) -> None:
            outcomes[invoice.number] = outcome
            self.accepted(len(outcomes))
            if outcome.order_id:
                self.watch.follow([outcome.order_id])
            else:
                self._refused += 1
            self.watch.look_when_rested()
            self._tell_ended(self.watch.settled)

        do_all(invoices, lambda invoice: _submit(self.client, invoice), answered, self.client.stop)
        return [outcomes[invoice.number] for invoice in invoices]

    def follow(self, outcomes: list[OrderOutcome]) -> None:
        """Wait until every accepted order has ended, and write down how."""
        by_id = {outcome.order_id: outcome for outcome in outcomes if outcome.order_id}
        for order in self.watch.until_ended(self._tell_ended):
            outcome = by_id[order["order_id"]]
            outcome.status, outcome.reason, outcome.total = order["status"], order["reason"], order["total"]

    def _tell_ended(self, settled: int) -> None:
        self.ended(self._refused + settled)


def refusal_code(problem: dict[str, Any], status: int) -> str:
    """Name a refusal by the first thing that is wrong with the request."""
    errors = problem.get("errors") or [problem]
    return str(errors[0].get("code") or f"http_{status}")


def _submit(client: PatientClient, invoice: Invoice) -> OrderOutcome:
    try:
        submitted = client.submit(order_body(invoice), invoice.key)
    except ApiRefused as error:
        if error.status not in _REFUSALS or is_retryable(error):
            raise
        reason = f"refused:{refusal_code(error.problem, error.status)}"
        return OrderOutcome(invoice, None, Status.REJECTED, reason, 0)
    order = submitted.order
    return OrderOutcome(
        invoice, order["order_id"], order["status"], order["reason"], order["total"], submitted.replayed
    )
