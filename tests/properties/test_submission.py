from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.money import MINOR_DIGITS
from lambdas.domain.pricing import price_submission
from lambdas.domain.request_body import InvalidBody, hash_request
from lambdas.domain.submission import (
    MAX_QUANTITY,
    Submission,
    is_card_number,
    parse_submission,
)
from tests.fakes.pipeline import GIFT, MUG, TEA

if TYPE_CHECKING:
    from lambdas.domain.problems import Problem

numbers = st.integers() | st.floats() | st.just(10**400)
scalars = st.none() | st.booleans() | numbers | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
almost_lines = st.fixed_dictionaries(
    {},
    optional={
        "sku": st.sampled_from(["TEA", "MUG", ""]) | values,
        "quantity": st.integers(-2, MAX_QUANTITY + 2) | values,
        "price_id": st.sampled_from(["list", "staff"]) | values,
    },
)
almost_orders = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(sorted(MINOR_DIGITS)) | values,
        "lines": st.lists(almost_lines | values, max_size=4) | values,
        "payment_method": st.from_regex(r"pm_[a-z]{1,8}", fullmatch=True) | values,
        "total": st.integers(-1, 10**9) | values,
        "reference": st.text(max_size=5) | values,
        "surprise": values,
    },
)
good_orders = st.fixed_dictionaries(
    {
        "currency": st.just("GBP"),
        "lines": st.lists(
            st.fixed_dictionaries(
                {"sku": st.sampled_from(["TEA", "MUG", "GIFT"]), "quantity": st.integers(1, 50)}
            ),
            min_size=1,
            max_size=6,
        ),
        "payment_method": st.just("pm_card_visa"),
    }
)
PRODUCTS = {p.sku: p for p in (TEA, MUG, GIFT)}


def resolve(document: Any, pointer: str) -> Any:
    """Follow a JSON Pointer as far as the document goes; raises KeyError beside it."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


def read(body: Any) -> Submission | list[Problem]:
    """Parse a body, or return what is wrong with it; any other error is the parser's."""
    try:
        return parse_submission(body)
    except InvalidBody as refused:
        return refused.problems


@settings(max_examples=400)
@given(values | almost_orders)
def test_any_json_value_is_an_order_or_has_problems_and_nothing_else(body: Any) -> None:
    found = read(body)
    if isinstance(found, Submission):
        assert found.currency in MINOR_DIGITS
        assert all(type(line.quantity) is int and line.quantity > 0 for line in found.lines)
        assert hash_request(body) == hash_request(json.loads(json.dumps(body)))
        return
    assert found
    for problem in found:
        missing = problem.code == "required"
        resolve(body, problem.pointer.rpartition("/")[0] if missing else problem.pointer)


@given(good_orders)
def test_an_orders_total_is_the_sum_of_its_lines_and_holds_its_tax(body: dict[str, Any]) -> None:
    priced = price_submission(parse_submission(body), PRODUCTS, may_choose_price=False)
    assert priced.total == sum(
        PRODUCTS[line["sku"]].prices["list"] * line["quantity"] for line in body["lines"]
    )
    assert 0 <= priced.tax <= priced.total
    assert [line.sku for line in priced.lines] == [line["sku"] for line in body["lines"]]


@given(st.text(alphabet="0123456789", min_size=11, max_size=18), st.sampled_from(["", " ", "-"]))
def test_exactly_one_check_digit_makes_a_card_number(digits: str, separator: str) -> None:
    found = [text for last in "0123456789" if is_card_number(text := separator.join(f"{digits}{last}"))]
    assert len(found) == 1


@given(
    st.text(alphabet="0123456789", min_size=11, max_size=18).map(
        lambda d: next(d + last for last in "0123456789" if is_card_number(d + last))
    )
)
def test_no_card_number_is_ever_repeated(card: str) -> None:
    problems = read({"payment_method": card})
    assert isinstance(problems, list)
    assert card not in repr(problems)
    assert any(p.code == "card_number_refused" for p in problems)
