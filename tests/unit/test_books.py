from __future__ import annotations

import pytest

from lambdas.domain.ledger import RECEIVABLE, SALES, Balance
from orders.local.books import Books


def books(booked: dict[str, int], captured: dict[str, int], refunded: dict[str, int]) -> Books:
    """Books whose debits equal their credits."""
    balances = [
        balance
        for currency, amount in booked.items()
        for balance in (Balance(RECEIVABLE, currency, amount, 0), Balance(SALES, currency, 0, amount))
    ]
    return Books(balances, 1, booked, captured, refunded)


@pytest.mark.parametrize(
    ("booked", "captured", "refunded", "balanced"),
    [
        ({"GBP": 70}, {"GBP": 100}, {"GBP": 30}, True),
        ({"GBP": 100}, {"GBP": 100}, {"GBP": 30}, False),
        ({"GBP": 70}, {"GBP": 100}, {}, False),
        ({"GBP": 0}, {"GBP": 100}, {"GBP": 100}, True),
        ({}, {"GBP": 100}, {"GBP": 100}, True),
        ({}, {}, {}, True),
        ({"GBP": 70, "EUR": 5}, {"GBP": 100, "EUR": 5}, {"GBP": 30}, True),
        ({"GBP": 70}, {"GBP": 100, "EUR": 5}, {"GBP": 30}, False),
        ({"GBP": 70, "EUR": 5}, {"GBP": 100}, {"GBP": 30}, False),
    ],
)
def test_the_receivable_is_what_the_provider_captured_and_did_not_refund(
    booked: dict[str, int], captured: dict[str, int], refunded: dict[str, int], balanced: bool
) -> None:
    assert books(booked, captured, refunded).balanced is balanced


def test_debits_that_are_not_the_credits_never_balance() -> None:
    assert not Books([Balance(RECEIVABLE, "GBP", 70, 0)], 1, {"GBP": 70}, {"GBP": 70}).balanced
