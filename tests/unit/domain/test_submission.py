from __future__ import annotations

import json
import math
from typing import Any

import pytest

from lambdas.domain.problems import Problem, pointer_to
from lambdas.domain.request_body import InvalidBody, hash_request
from lambdas.domain.submission import (
    MAX_LINES,
    MAX_QUANTITY,
    MAX_TOTAL,
    RequestedLine,
    Submission,
    is_card_number,
    parse_submission,
)

CARD = "4242424242424242"


def a_body(**changes: Any) -> dict[str, Any]:
    """A valid body with some fields changed."""
    body = {"currency": "GBP", "lines": [{"sku": "TEA", "quantity": 2}], "payment_method": "pm_card_visa"}
    return {**body, **changes}


def a_line(**changes: Any) -> dict[str, Any]:
    """A body whose one line has some fields changed."""
    return a_body(lines=[{"sku": "TEA", "quantity": 2, **changes}])


def problems_of(body: object) -> list[Problem]:
    """Return what is wrong with a body that must be refused."""
    with pytest.raises(InvalidBody) as refused:
        parse_submission(body)
    return refused.value.problems


def codes_of(body: object) -> set[tuple[str, str]]:
    """Return pointer and code of every problem."""
    return {(p.pointer, p.code) for p in problems_of(body)}


def test_a_full_submission_is_read_as_it_is() -> None:
    body = a_body(
        lines=[{"sku": "TEA", "quantity": 2, "price_id": "staff"}, {"sku": "M G/~", "quantity": 1}],
        total=1_600,
        reference="Order no. 7 - für Zoë \U0001f469\u200d\U0001f373",
    )
    assert parse_submission(body) == Submission(
        currency="GBP",
        lines=(RequestedLine("TEA", 2, "staff"), RequestedLine("M G/~", 1)),
        payment_method="pm_card_visa",
        stated_total=1_600,
        reference="Order no. 7 - für Zoë \U0001f469\u200d\U0001f373",
    )


def test_what_may_be_left_out_may_be_null() -> None:
    body = a_body(payment_method=None, total=None, reference=None)
    body["lines"][0]["price_id"] = None
    assert parse_submission(body) == Submission("GBP", (RequestedLine("TEA", 2),))


@pytest.mark.parametrize("body", [None, [], "x", 1, 1.5, True])
def test_a_body_that_is_no_object_is_refused_as_a_whole(body: object) -> None:
    assert codes_of(body) == {("", "wrong_type")}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (a_body(currency=None), "/currency", "required"),
        (a_body(currency=826), "/currency", "wrong_type"),
        (a_body(currency="gbp"), "/currency", "unknown_currency"),
        (a_body(currency="XYZ"), "/currency", "unknown_currency"),
        (a_body(currency="ISK"), "/currency", "currency_not_supported"),
        (a_body(currency="KWD"), "/currency", "currency_not_supported"),
        (a_body(reference="4242 4242 4242 4242"), "/reference", "card_number_refused"),
        (a_body(lines=None), "/lines", "required"),
        (a_body(lines={"sku": "TEA"}), "/lines", "wrong_type"),
        (a_body(lines=[]), "/lines", "out_of_range"),
        (a_body(lines=[{"sku": "TEA", "quantity": 1}] * (MAX_LINES + 1)), "/lines", "out_of_range"),
        (a_body(lines=["TEA"]), "/lines/0", "wrong_type"),
        (a_line(sku=None), "/lines/0/sku", "required"),
        (a_line(sku=7), "/lines/0/sku", "wrong_type"),
        (a_line(sku=""), "/lines/0/sku", "invalid_format"),
        (a_line(sku=" TEA"), "/lines/0/sku", "invalid_format"),
        (a_line(sku="TEA\n"), "/lines/0/sku", "invalid_format"),
        (a_line(sku="T" * 65), "/lines/0/sku", "invalid_format"),
        (a_line(sku="THÉ"), "/lines/0/sku", "invalid_format"),
        (a_line(quantity=None), "/lines/0/quantity", "required"),
        (a_line(quantity="2"), "/lines/0/quantity", "wrong_type"),
        (a_line(quantity=2.0), "/lines/0/quantity", "wrong_type"),
        (a_line(quantity=True), "/lines/0/quantity", "wrong_type"),
        (a_line(quantity=math.nan), "/lines/0/quantity", "wrong_type"),
        (a_line(quantity=0), "/lines/0/quantity", "out_of_range"),
        (a_line(quantity=-1), "/lines/0/quantity", "out_of_range"),
        (a_line(quantity=MAX_QUANTITY + 1), "/lines/0/quantity", "out_of_range"),
        (a_line(quantity=10**400), "/lines/0/quantity", "out_of_range"),
        (a_line(price_id=3), "/lines/0/price_id", "wrong_type"),
        (a_line(price_id="no spaces"), "/lines/0/price_id", "invalid_format"),
        (a_line(price="1.00"), "/lines/0/price", "unknown_field"),
        (a_line(**{"a/b~c": 1}), "/lines/0/a~1b~0c", "unknown_field"),
        (a_body(total=9.99), "/total", "wrong_type"),
        (a_body(total=math.inf), "/total", "wrong_type"),
        (a_body(total=False), "/total", "wrong_type"),
        (a_body(total="9"), "/total", "wrong_type"),
        (a_body(total=-1), "/total", "out_of_range"),
        (a_body(total=MAX_TOTAL + 1), "/total", "out_of_range"),
        (a_body(payment_method=["pm_x"]), "/payment_method", "wrong_type"),
        (a_body(payment_method={"number": CARD}), "/payment_method", "wrong_type"),
        (a_body(payment_method="tok_visa"), "/payment_method", "invalid_format"),
        (a_body(payment_method=""), "/payment_method", "invalid_format"),
        (a_body(reference=7), "/reference", "wrong_type"),
        (a_body(reference=""), "/reference", "invalid_format"),
        (a_body(reference="a\nb"), "/reference", "invalid_format"),
        (a_body(reference="\ud800"), "/reference", "invalid_format"),
        (a_body(reference="a\u202eb"), "/reference", "invalid_format"),
        (a_body(reference="caf\ufffd"), "/reference", "invalid_format"),
        (a_body(reference="x" * 101), "/reference", "invalid_format"),
        (a_body(discount=5), "/discount", "unknown_field"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_pointer_and_code(
    body: object, pointer: str, code: str
) -> None:
    assert codes_of(body) == {(pointer, code)}


def test_all_problems_are_told_at_once_in_the_bodys_order() -> None:
    body = {
        "surprise": 1,
        "currency": "XYZ",
        "lines": [{"sku": "TEA", "quantity": 1}, {"quantity": -1, "colour": "red"}, 7],
        "payment_method": "card",
        "total": 1.5,
        "reference": "",
    }
    assert [(p.pointer, p.code) for p in problems_of(body)] == [
        ("/surprise", "unknown_field"),
        ("/currency", "unknown_currency"),
        ("/lines/1/colour", "unknown_field"),
        ("/lines/1/sku", "required"),
        ("/lines/1/quantity", "out_of_range"),
        ("/lines/2", "wrong_type"),
        ("/payment_method", "invalid_format"),
        ("/total", "wrong_type"),
        ("/reference", "invalid_format"),
    ]


@pytest.mark.parametrize(
    "card", [CARD, "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", int(CARD)]
)
def test_a_card_number_is_refused_and_repeated_nowhere(card: object) -> None:
    problems = problems_of(a_body(payment_method=card))
    assert [(p.pointer, p.code) for p in problems] == [("/payment_method", "card_number_refused")]
    said = repr(problems)
    digits = str(card).replace(" ", "").replace("-", "")
    assert str(card) not in said
    assert digits not in said
    assert digits[-4:] not in said


@pytest.mark.parametrize(
    "text", ["4242424242424241", "4242", "pm_4242424242424242", "4" * 20, "", "4242.4242.4242.4242"]
)
def test_what_fails_the_luhn_check_or_the_length_is_no_card_number(text: str) -> None:
    assert not is_card_number(text)


def test_the_hash_of_a_request_ignores_its_layout_and_nothing_else() -> None:
    once = json.loads('{"currency": "GBP", "lines": [{"sku": "A", "quantity": 1}]}')
    again = json.loads('{"lines":[{"quantity":1,"sku":"A"}],"currency":"GBP"}')
    other = json.loads('{"lines":[{"quantity":2,"sku":"A"}],"currency":"GBP"}')
    assert hash_request(once) == hash_request(again)
    assert hash_request(once) != hash_request(other)


def test_a_pointer_escapes_what_rfc_6901_reserves() -> None:
    assert pointer_to("a/b", 0, "~") == "/a~1b/0/~0"
    assert pointer_to() == ""
