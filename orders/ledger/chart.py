"""Draws revenue, refunds and fees per day as SVG: rectangles, lines and texts need no library for it.

Revenue goes up, refunds and fees go down below it, so that a day's net is seen. Every bar names its exact
amount when it is pointed at. https://www.w3.org/TR/SVG11/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from lambdas.domain.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orders.ledger.daily import Day

WIDTH: Final = 960
HEIGHT: Final = 420
_LEFT: Final = 110
_RIGHT: Final = 20
_TOP: Final = 60
_BOTTOM: Final = 40
_GRID_LINES: Final = 6
_DAYS_NAMED: Final = 10
# Told apart by people who cannot tell red from green (Okabe and Ito, https://jfly.uni-koeln.de/color/).
SERIES: Final = (("revenue", "#0072b2"), ("refunds", "#d55e00"), ("fees", "#f0e442"))


def svg_chart(days: Sequence[Day], currency: str) -> str:
    """Return the image; its size is fixed, its scale is not."""
    return "\n".join(_parts(days, currency)) + "\n"


def _parts(days: Sequence[Day], currency: str) -> Iterator[str]:
    title = f"Revenue, refunds and fees per day (UTC), {currency}, tax not included"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield f'<text x="{_LEFT}" y="24" font-size="16">{escape(title)}</text>'
    yield from _legend()
    scale = _Scale(days)
    for value in scale.grid():
        y, label = scale.y(value), format_minor(value, currency)
        colour = "#ddd" if value else "#000"
        yield f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{colour}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>'
    for number, day in enumerate(days):
        yield from _bars(number, day, scale, currency)
    yield "</svg>"


def _legend() -> Iterator[str]:
    for number, (name, colour) in enumerate(SERIES):
        x = _LEFT + number * 100
        yield f'<rect x="{x}" y="36" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="46">{name}</text>'


def _bars(number: int, day: Day, scale: _Scale, currency: str) -> Iterator[str]:
    x, width = scale.x(number), scale.bar
    stack = 0
    for name, colour in SERIES:
        amount: int = getattr(day, name)
        if not amount:
            continue
        if name == "revenue" or amount < 0:  # fees that came back stand above the axis
            top, bottom = abs(amount), 0
        else:
            top, bottom = -stack, -stack - amount
            stack += amount
        y, height = sorted((scale.y(top), scale.y(bottom)))
        told = f"{day.day} {name} {format_minor(amount, currency)} {currency}"
        yield (
            f'<rect x="{x}" y="{y}" width="{width}" height="{round(height - y, 2)}" fill="{colour}">'
            f"<title>{told}</title></rect>"
        )
    if number % scale.every == 0:
        middle = round(x + width / 2, 2)
        yield f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{day.day}</text>'


class _Scale:
    """Where days and amounts lie on the image."""

    def __init__(self, days: Sequence[Day]) -> None:
        highest = max((max(day.revenue, -day.fees) for day in days), default=0)
        lowest = min((-day.refunds - max(day.fees, 0) for day in days), default=0)
        self.step = _round_step(max(1, (highest - lowest + _GRID_LINES - 1) // _GRID_LINES))
        self.top = -(-highest // self.step) * self.step or self.step
        self.bottom = lowest // self.step * self.step
        self.slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(days))
        self.bar = round(max(0.5, self.slot * 0.8), 2)
        self.every = -(-len(days) // _DAYS_NAMED) or 1

    def grid(self) -> range:
        """The amounts that have a line."""
        return range(self.bottom, self.top + 1, self.step)

    def x(self, number: int) -> float:
        """Where a day's bar begins."""
        return round(_LEFT + self.slot * number + self.slot * 0.1, 2)

    def y(self, amount: int) -> float:
        """Where an amount lies."""
        share = (self.top - amount) / (self.top - self.bottom)
        return round(_TOP + share * (HEIGHT - _TOP - _BOTTOM), 2)


def _round_step(least: int) -> int:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least:
                return factor * power
        power *= 10
