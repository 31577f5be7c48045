"""How failures look on a screen: calm tables, money exact, times in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.table import Table

from lambdas.domain.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orders.cli.console import Output

_WIDEST: Final = 400
RIGHT: Final = frozenset({"OPEN", "TOTAL", "ORDERS", "AT STAKE", "FAILURES", "LETTERS", "REPLAYS"})


def table(*columns: str, title: str | None = None) -> Table:
    """Make a table whose numbers stand on the right."""
    made = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="right" if column in RIGHT else "left", no_wrap=column != "WHY")
    return made


def print_table(shown: Table, output: Output) -> None:
    """Print a table as wide as it is: where the screen is narrower its lines wrap, and no id is cut off."""
    console = output.data
    widest = console.options.update(max_width=_WIDEST)
    width = max(console.width, Measurement.get(console, widest, shown).maximum)
    console.print(shown, width=width, crop=False, soft_wrap=True)


def money(stake: Mapping[str, int]) -> str:
    """Show amounts by currency, as in `1,200.00 GBP, 30.00 EUR`."""
    return ", ".join(f"{format_minor(minor, code)} {code}" for code, minor in stake.items()) or "-"


def money_as_json(stake: Mapping[str, int]) -> dict[str, str]:
    """The same for programs: exact decimals without commas, by currency."""
    return {code: format_minor(minor, code).replace(",", "") for code, minor in stake.items()}


def moment(text: str) -> str:
    """Show a stored time (RFC 3339, UTC) to the second."""
    return text[:19].replace("T", " ")
