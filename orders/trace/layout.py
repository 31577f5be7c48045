"""How a trace looks: its styles, its labelled rows, and times and numbers as a person reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orders.trace.model import NotRead, Trace

BAD: Final = "bold red"
WARN: Final = "yellow"
GOOD: Final = "green"
DIM: Final = "dim"
LABEL_WIDTH: Final = 8

# A label, empty where the row goes on with the one above it, and what is to be said.
Row = tuple[str, Text]

_MILLISECOND: Final = timedelta(milliseconds=1)


def grid(rows: Iterable[Row]) -> Table:
    """Put labelled rows below each other."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=LABEL_WIDTH)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(Text(label, style="bold"), value)
    return table


def unread(part: NotRead, about: str | None = None) -> Text:
    """Say that a part could not be read, and why."""
    return Text(f"{about}  not read: {part.why}" if about else f"not read: {part.why}", WARN)


def after_acceptance(trace: Trace, at: str | datetime) -> str:
    """Show a time (RFC 3339, or one already read) as an offset from the order's acceptance."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return offset(moment - datetime.fromisoformat(trace.stored.order.accepted_at))


def offset(span: timedelta) -> str:
    """Show a time after (or before) another: `+0.012`, `+2:05.250`, `+1:02:03`, `+3d 1:02:03`."""
    sign = "-" if span < timedelta() else "+"
    seconds, fraction = divmod(abs(span) // _MILLISECOND, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}:{minutes:02}:{seconds:02}"
    if hours:
        return f"{sign}{hours}:{minutes:02}:{seconds:02}"
    if minutes:
        return f"{sign}{minutes}:{seconds:02}.{fraction:03}"
    return f"{sign}{seconds}.{fraction:03}"


def length(span: timedelta) -> str:
    """Show a length in one unit: `42 s`, `5 min`, `3 h`, `9 d`."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def count(number: int, noun: str) -> str:
    """Count things: `1 piece`, `2 pieces`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(quantities: Mapping[str, int]) -> str:
    """Say how much these quantities by SKU are."""
    return f"{count(len(quantities), 'SKU')}, {count(sum(quantities.values()), 'piece')}"
