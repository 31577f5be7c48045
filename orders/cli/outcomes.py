"""Shows how many orders ended how, and what they come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from lambdas.domain.money import format_minor
from orders.cli.orders import coloured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orders.cli.console import Output


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one order ended; `total` is in minor units, None for a request of which no order was made."""

    status: str
    reason: str
    total: int | None


def print_outcomes(
    outcomes: Iterable[Outcome],
    currency: str,
    output: Output,
    title: str = "How the orders ended",
    counted: str = "ORDERS",
) -> None:
    """Print a table of all ends with their numbers and sums."""
    count: Counter[tuple[str, str]] = Counter()
    sums: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        end = outcome.status, outcome.reason
        count[end] += 1
        if outcome.total is not None:
            sums[end] = sums.get(end, 0) + outcome.total
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column("STATUS")
    table.add_column("REASON", no_wrap=True)
    table.add_column(counted, justify="right")
    table.add_column(currency, justify="right")
    for end, number in sorted(count.items()):
        status, reason = end
        total = format_minor(sums[end], currency) if end in sums else ""
        table.add_row(coloured(status), reason, f"{number:,}", total)
    output.data.print(table)
