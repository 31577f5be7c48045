from __future__ import annotations

from typing import Any, cast

import pytest

from lambdas.domain.money import MINOR_DIGITS, Money, format_minor, included_tax


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "GBP", "0.00"),
        (5, "GBP", "0.05"),
        (-5, "GBP", "-0.05"),
        (123_456_789, "GBP", "1,234,567.89"),
        (-100_000, "USD", "-1,000.00"),
        (1_234, "JPY", "1,234"),
        (0, "JPY", "0"),
        (1_234_567, "BHD", "1,234.567"),
        (10**30 + 1, "EUR", f"{10**28:,}.01"),
    ],
)
def test_minor_units_are_shown_exactly_with_the_currencys_digits(
    minor: int, currency: str, text: str
) -> None:
    assert format_minor(minor, currency) == text
    assert str(Money(minor, currency)) == f"{text} {currency}"


@pytest.mark.parametrize("minor", [1.0, True, "1", None])
def test_money_is_never_a_float_or_a_bool_or_a_text(minor: object) -> None:
    with pytest.raises(TypeError, match="minor units are an int"):
        Money(cast("Any", minor), "GBP")


@pytest.mark.parametrize("currency", ["gbp", "XXX", "XAU", "", "GB"])
def test_only_iso_4217_currencies_are_money(currency: str) -> None:
    with pytest.raises(ValueError, match="no ISO 4217 currency"):
        Money(1, currency)


def test_the_currency_table_names_each_code_once() -> None:
    counts = {digits: sum(1 for d in MINOR_DIGITS.values() if d == digits) for digits in (0, 2, 3)}
    assert sum(counts.values()) == len(MINOR_DIGITS)
    assert (counts[0], counts[3]) == (16, 7)
    assert all(len(code) == 3 and code.isupper() for code in MINOR_DIGITS)


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [
        (0, 2000, 0),
        (1000, 0, 0),
        (1200, 2000, 200),
        (999, 2000, 167),  # 166.5 exactly: half a unit goes up
        (100, 1900, 16),  # 15.966
        (107, 700, 7),
        (3, 2000, 1),  # 0.5 exactly
        (2, 2000, 0),  # 0.333
        (99_999_999, 2500, 20_000_000),  # 19,999,999.8
    ],
)
def test_the_tax_inside_a_price_is_rounded_half_up(gross: int, rate: int, tax: int) -> None:
    assert included_tax(gross, rate) == tax
