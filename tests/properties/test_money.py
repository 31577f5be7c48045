from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.money import MINOR_DIGITS, format_minor, included_tax

currencies = st.sampled_from(sorted(MINOR_DIGITS))
minor_units = st.integers(-(10**18), 10**18)


@given(minor_units, currencies)
def test_what_is_shown_says_exactly_what_is_meant(minor: int, currency: str) -> None:
    text = format_minor(minor, currency)
    shown = Decimal(text.replace(",", ""))
    assert shown.scaleb(MINOR_DIGITS[currency]) == minor
    assert len(text.partition(".")[2]) == MINOR_DIGITS[currency]


@given(minor_units, currencies)
def test_thousands_are_grouped_by_three(minor: int, currency: str) -> None:
    first, *groups = format_minor(minor, currency).partition(".")[0].lstrip("-").split(",")
    assert 1 <= len(first) <= 3
    assert all(len(group) == 3 for group in groups)


@given(st.integers(0, 10**12), st.integers(0, 100_000))
def test_the_tax_is_within_half_a_unit_of_the_exact_one(gross: int, rate: int) -> None:
    tax = included_tax(gross, rate)
    # |tax - gross * r / (1 + r)| <= 1/2, in whole numbers
    assert abs(2 * (tax * (10_000 + rate) - gross * rate)) <= 10_000 + rate
    assert 0 <= tax <= gross


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 100_000))
def test_more_money_never_holds_less_tax(some: int, more: int, rate: int) -> None:
    assert included_tax(some, rate) <= included_tax(some + more, rate)
