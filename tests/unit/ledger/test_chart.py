from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from lambdas.domain.ledger import Posting
from orders.ledger.chart import HEIGHT, WIDTH, svg_chart
from orders.ledger.daily import FEES, Day, daily
from tests.unit.ledger.books import ENTRIES, SOLD

SVG = "{http://www.w3.org/2000/svg}"
DAYS = [Day("2026-12-01", 10_000, 2_500, 300), Day("2026-12-02"), Day("2026-12-03", 5_000, 0, 0)]


def bars(image: str) -> dict[str, tuple[float, float]]:
    """Each bar's top and height, by what it tells."""
    return {
        str(title.text): (float(bar.attrib["y"]), float(bar.attrib["height"]))
        for bar in ET.fromstring(image).iter(f"{SVG}rect")  # noqa: S314 - our own image
        if (title := bar.find(f"{SVG}title")) is not None
    }


def test_days_are_counted_per_currency_and_none_is_left_out() -> None:
    fee = replace(
        SOLD,
        booked_at="2026-12-02T10:00:00.000Z",
        postings=(Posting(FEES, "GBP", 38), Posting("Assets:Receivable:Stripe", "GBP", -38)),
    )
    found = daily([*ENTRIES, fee])
    assert list(found) == ["GBP", "JPY", "KWD"]
    assert [d for d in found["GBP"] if d.revenue or d.refunds or d.fees] == [
        Day("2026-11-30", revenue=1_000),
        Day("2026-12-02", fees=38),
        Day("2026-12-31", refunds=1_000),
    ]
    assert len(found["GBP"]) == 32
    assert found["JPY"] == [Day("2026-12-01", revenue=1_000)]
    assert daily([]) == {}


def test_bars_tell_their_exact_amounts_and_are_in_proportion() -> None:
    found = bars(svg_chart(DAYS, "GBP"))
    assert list(found) == [
        "2026-12-01 revenue 100.00 GBP",
        "2026-12-01 refunds 25.00 GBP",
        "2026-12-01 fees 3.00 GBP",
        "2026-12-03 revenue 50.00 GBP",
    ]
    whole, refunds, fees, half = found.values()
    assert whole[1] == pytest.approx(2 * half[1], abs=0.05)
    assert whole[1] == pytest.approx(4 * refunds[1], abs=0.05)
    # Revenue stands on the axis, refunds hang from it, fees hang from the refunds.
    assert whole[0] + whole[1] == pytest.approx(refunds[0], abs=0.02)
    assert refunds[0] + refunds[1] == pytest.approx(fees[0], abs=0.02)
    assert half[0] + half[1] == pytest.approx(whole[0] + whole[1], abs=0.02)


@pytest.mark.parametrize(
    "days",
    [
        DAYS,
        [Day("2026-12-01", refunds=1)],
        [Day("2026-12-01", revenue=10**15)],
        [Day("2026-12-01", fees=-5, revenue=1)],
        [Day(f"2026-12-{n % 28 + 1:02d}", revenue=n) for n in range(1_000)],
    ],
    ids=["three", "refund", "large", "fee back", "many"],
)
def test_everything_is_within_the_image(days: list[Day]) -> None:
    image = ET.fromstring(svg_chart(days, "GBP"))  # noqa: S314 - our own image
    for bar in image.iter(f"{SVG}rect"):
        x, y = (float(bar.attrib.get(name, 0)) for name in ("x", "y"))
        assert 0 <= x <= x + float(bar.attrib["width"]) <= WIDTH
        assert 0 <= y <= y + float(bar.attrib["height"]) <= HEIGHT
    lines = [line for line in image.iter(f"{SVG}line") if line.attrib["stroke"] == "#000"]
    assert len(lines) == 1
    named = [t for t in image.iter(f"{SVG}text") if str(t.text).startswith("2026-")]
    assert 1 <= len(named) <= 10


def test_the_scale_is_in_round_steps_of_the_currency() -> None:
    image = ET.fromstring(svg_chart(DAYS, "JPY"))  # noqa: S314 - our own image
    scale = [str(t.text) for t in image.iter(f"{SVG}text") if t.attrib.get("text-anchor") == "end"]
    assert scale == ["-5,000", "0", "5,000", "10,000"]
