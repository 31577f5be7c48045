"""The import's report for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas.domain.order import Status
from orders.retail.closing import Equation, equations
from orders.retail.invoices import CURRENCY

if TYPE_CHECKING:
    from orders.local.books import Books
    from orders.retail.imported import Imported


@dataclass(frozen=True, slots=True)
class Report:
    """What was imported, held against the books; `captured` is in pennies, of this import's orders."""

    imported: Imported
    books: Books
    captured: int

    @property
    def equations(self) -> list[Equation]:
        """The sums that must close."""
        return equations(self.imported, self.books, self.captured, CURRENCY)

    @property
    def open_sums(self) -> list[str]:
        """The names of those that do not."""
        return [equation.name for equation in self.equations if not equation.closes]

    @property
    def sound(self) -> bool:
        """Whether nothing is stuck and every sum closes."""
        return not self.imported.stuck and not self.open_sums

    def as_json(self) -> dict[str, Any]:
        """Return all of it; amounts are pennies, credits and excluded credits are negative."""
        return {
            **self._file(),
            **self._orders(),
            **self._refunds(),
            "stuck": len(self.imported.stuck),
            "stuck_ids": self.imported.stuck,
            "captured_minor": self.captured,
            "refunded_minor": self.imported.refunded_minor,
            "ledger_balanced": self.books.balanced,
            **self._rows(),
            "sums_that_do_not_close": self.open_sums,
            "seconds": {phase: round(seconds, 2) for phase, seconds in self.imported.seconds.items()},
        }

    def _file(self) -> dict[str, Any]:
        imported = self.imported
        return {
            "source": imported.file.digest,
            "currency": CURRENCY,
            "rows": imported.file.row_count,
            "invoices": len(imported.invoices.orders),
            "invoices_without_customer": imported.invoices.without_customer,
            "credit_notes": len(imported.invoices.credit_notes),
            "products": imported.products,
            "products_created": imported.catalogue.created,
            "products_topped_up": imported.catalogue.topped_up,
        }

    def _orders(self) -> dict[str, Any]:
        orders = self.imported.orders
        turned_down = [o for o in orders if o.status in {Status.REJECTED, Status.CANCELLED}]
        minor: Counter[str] = Counter()
        for outcome in turned_down:
            if outcome.order_id:
                minor[outcome.reason or outcome.status] += outcome.total
        return {
            "submitted": len(orders),
            "accepted": len(self.imported.order_ids),
            "accepted_before": sum(outcome.replayed for outcome in orders),
            "completed": sum(outcome.completed for outcome in orders),
            "rejected": sum(outcome.status == Status.REJECTED for outcome in orders),
            "cancelled": sum(outcome.status == Status.CANCELLED for outcome in orders),
            "rejected_by_reason": _sorted(Counter(o.reason or o.status for o in turned_down)),
            "rejected_minor_by_reason": _sorted(minor),
            "rejected_total_minor": sum(minor.values()),
        }

    def _refunds(self) -> dict[str, Any]:
        refunds = self.imported.refunds
        failed = Counter(r.failure or r.status for r in refunds if r.refund_id and not r.succeeded)
        return {
            "refunds_submitted": len(refunds),
            "refunds_accepted_before": sum(outcome.replayed for outcome in refunds),
            "refunded": sum(outcome.succeeded for outcome in refunds),
            "refunds_failed": self.imported.refunds_failed,
            "refunds_failed_by_reason": _sorted(failed),
        }

    def _rows(self) -> dict[str, Any]:
        tally, excluded = self.imported.tally, self.imported.tally.excluded
        return {
            "rows_imported": tally.imported_rows,
            "rows_excluded": tally.excluded_count,
            "file_total_minor": self.imported.file.total,
            "imported_total_minor": tally.imported_minor,
            "imported_sales_minor": tally.sales.minor,
            "imported_credits_minor": tally.returns.minor,
            "excluded_total_minor": tally.excluded_minor,
            "excluded_by_reason": {reason: excluded[reason].rows for reason in sorted(excluded)},
            "excluded_minor_by_reason": {reason: excluded[reason].minor for reason in sorted(excluded)},
        }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
