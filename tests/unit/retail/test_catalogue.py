from __future__ import annotations

import pytest

from lambdas.domain.catalogue import Product
from orders.retail.catalogue import Stocked, Wanted, plan_catalogue, wanted_products
from orders.retail.reasons import Reason
from tests.unit.retail.files import line, sorted_rows


def wanted(*lines: str) -> dict[str, Wanted]:
    """What a file of these lines wants."""
    return wanted_products(sorted_rows(*lines).orders.values())


def existing(sources: dict[str, int] | None = None, currency: str = "GBP", **prices: int) -> Stocked:
    """The product 10001, as somebody else made it."""
    return Stocked(Product("10001", currency, {"list": 999, **prices}, 2000, 7, "ANOTHER NAME"), sources)


def test_a_product_has_a_point_for_every_price_and_the_commonest_is_its_list_price() -> None:
    (product,) = wanted(
        line(price="2.10", quantity=5),
        line(price="2.55"),
        line("700002", price="2.10"),
        line(price="0", text=""),
        line(price="9", text="AN OLD NAME", quantity=1),
    ).values()
    made = product.as_product()
    assert made.prices == {"list": 210, "p0": 0, "p210": 210, "p255": 255, "p900": 900}
    assert (made.on_hand, made.description, made.tax_rate, made.currency) == (12, "PAPER LANTERN", 0, "GBP")


def test_of_prices_as_common_the_lowest_is_the_list_price() -> None:
    (product,) = wanted(line(price="2.55"), line(price="2.10"), line(price="3")).values()
    assert product.list_price == 210


def test_only_rows_that_become_lines_are_wanted() -> None:
    products = wanted(
        line(),
        line(quantity=-100),
        line("C700002", quantity=-1),
        line(sku="POST"),
        line(price="0.001"),
        line(sku="10001a"),
    )
    assert {sku: product.demand for sku, product in products.items()} == {"10001": 2, "10001a": 2}
    assert list(products) == sorted(products)


def test_a_product_that_is_missing_is_made() -> None:
    plan = plan_catalogue(wanted(line()).values(), {}, "file-1")
    assert ([p.sku for p in plan.new], plan.top_ups, plan.conflicts) == (["10001"], [], {})


@pytest.mark.parametrize(
    ("found", "points", "quantity", "first"),
    [
        (existing(), {"p255": 255}, 2, True),
        (existing(p255=255), {}, 2, True),
        (existing({"file-0": 40}, p255=255), {}, 2, False),
        (existing({"file-1": 2}), {"p255": 255}, None, False),
    ],
)
def test_a_product_that_is_there_gets_what_it_lacks_and_its_stock_once_a_file(
    found: Stocked, points: dict[str, int], quantity: int | None, first: bool
) -> None:
    (top_up,) = plan_catalogue(wanted(line()).values(), {"10001": found}, "file-1").top_ups
    assert (top_up.points, top_up.quantity, top_up.first_source) == (points, quantity, first)


def test_what_was_done_before_is_not_done_again() -> None:
    plan = plan_catalogue(wanted(line()).values(), {"10001": existing({"file-1": 2}, p255=255)}, "file-1")
    assert (plan.new, plan.top_ups, plan.conflicts) == ([], [], {})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (existing(p255=254), Reason.PRICE_CONFLICT),
        (existing(currency="EUR", p255=255), Reason.CURRENCY_CONFLICT),
    ],
)
def test_a_product_that_contradicts_the_file_is_left_alone(found: Stocked, reason: Reason) -> None:
    plan = plan_catalogue(wanted(line()).values(), {"10001": found}, "file-1")
    assert (plan.new, plan.top_ups, plan.conflicts) == ([], [], {"10001": reason})
