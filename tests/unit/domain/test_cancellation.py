from __future__ import annotations

import pytest

from lambdas.domain.cancellation import CANCEL_CODES, parse_cancellation
from lambdas.domain.request_body import InvalidBody


def found_in(body: object) -> list[tuple[str, str]]:
    """Return pointer and code of every problem of a body that must be refused."""
    with pytest.raises(InvalidBody) as refused:
        parse_cancellation(body)
    return [(p.pointer, p.code) for p in refused.value.problems]


@pytest.mark.parametrize("code", CANCEL_CODES)
def test_every_reason_is_taken(code: str) -> None:
    assert parse_cancellation({"reason_code": code}) == code


@pytest.mark.parametrize("body", [{}, {"reason_code": None}])
def test_without_a_reason_it_is_the_customers_wish(body: object) -> None:
    assert parse_cancellation(body) == "customer_request"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (None, "", "wrong_type"),
        ([], "", "wrong_type"),
        ("mistake", "", "wrong_type"),
        ({"reason_code": 1}, "/reason_code", "wrong_type"),
        ({"reason_code": ["mistake"]}, "/reason_code", "wrong_type"),
        ({"reason_code": "returned"}, "/reason_code", "unknown_code"),
        ({"reason_code": ""}, "/reason_code", "unknown_code"),
        ({"reason": "mistake"}, "/reason", "unknown_field"),
    ],
)
def test_what_is_no_cancellation_is_refused(body: object, pointer: str, code: str) -> None:
    assert found_in(body) == [(pointer, code)]


def test_all_problems_are_told_at_once() -> None:
    assert found_in({"why/not": 1, "reason_code": "?"}) == [
        ("/why~1not", "unknown_field"),
        ("/reason_code", "unknown_code"),
    ]
