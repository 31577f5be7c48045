"""The sums that must close at the end of an import: each a short equation, with its parts to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.ledger import is_balanced

if TYPE_CHECKING:
    from orders.local.books import Books
    from orders.retail.imported import Imported


@dataclass(frozen=True, slots=True)
class Part:
    """A term of a sum."""

    value: int
    meaning: str
    subtracted: bool = False


@dataclass(frozen=True, slots=True)
class Equation:
    """The parts' sum against what it must be. Values are pennies, or rows where `money` is false."""

    name: str
    parts: tuple[Part, ...]
    result: Part
    money: bool = True
    also: bool = True
    """What else must hold."""

    @property
    def closes(self) -> bool:
        """Whether both sides are the same."""
        terms = (-part.value if part.subtracted else part.value for part in self.parts)
        return self.also and sum(terms) == self.result.value


def equations(imported: Imported, books: Books, captured: int, currency: str) -> list[Equation]:
    """Set up every equation; `captured` is what the provider took for this import's orders, in pennies."""
    tally, file = imported.tally, imported.file
    of_ledger = [b for b in books.balances if b.currency == currency]
    return [
        Equation(
            "rows",
            (Part(tally.imported_rows, "imported"), Part(tally.excluded_count, "excluded")),
            Part(file.row_count, "in the file"),
            money=False,
        ),
        Equation(
            "money",
            (Part(tally.imported_minor, "imported"), Part(tally.excluded_minor, "excluded")),
            Part(file.total, "in the file"),
        ),
        Equation(
            "sales",
            (
                Part(tally.sales.minor, "imported"),
                Part(imported.not_completed_minor, "not completed", subtracted=True),
            ),
            Part(captured, "captured at the provider"),
        ),
        Equation(
            "refunds",
            (
                Part(-tally.returns.minor, "imported"),
                Part(imported.not_refunded_minor, "not refunded", subtracted=True),
            ),
            Part(imported.refunded_minor, "refunded"),
        ),
        Equation(
            "ledger",
            (Part(sum(b.debit for b in of_ledger), "debits"),),
            Part(sum(b.credit for b in of_ledger), "credits"),
            also=is_balanced(books.balances),
        ),
        Equation(
            "provider",
            (
                Part(books.captured_at_provider.get(currency, 0), "captured"),
                Part(books.refunded_at_provider.get(currency, 0), "refunded", subtracted=True),
            ),
            Part(books.booked.get(currency, 0), "receivable in the ledger"),
            also=books.balanced,
        ),
    ]
