from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lambdas.domain.request_body import InvalidBody
from lambdas.domain.submission import parse_submission
from orders.retail.invoices import credit_reason, exclude_products, order_body, sale_reason
from orders.retail.reasons import FEES, MEANINGS, REFUND_REFUSED, Reason, meaning, refund_refused
from tests.unit.retail.files import line, row, sorted_rows


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, None),
        ({"price": "0"}, None),
        ({"sku": "DCGS0003"}, None),
        ({"sku": "10001BL"}, None),
        ({"customer": ""}, None),
        ({"sku": "POST"}, Reason.POSTAGE),
        ({"sku": "dot"}, Reason.POSTAGE),
        ({"sku": "C2"}, Reason.POSTAGE),
        ({"sku": "M"}, Reason.MANUAL_ADJUSTMENT),
        ({"sku": "m"}, Reason.MANUAL_ADJUSTMENT),
        ({"sku": "D"}, Reason.DISCOUNT),
        ({"sku": "Bank Charges"}, Reason.BANK_CHARGE),
        ({"sku": "AMAZONFEE", "quantity": -1}, Reason.MARKETPLACE_FEE),
        ({"sku": "S"}, Reason.SAMPLE),
        ({"sku": "CRUK"}, Reason.CHARITY_COMMISSION),
        ({"sku": "B", "price": "-11062.06"}, Reason.BAD_DEBT),
        ({"quantity": 0}, Reason.STOCK_WRITE_OFF),
        ({"quantity": -10, "price": "0"}, Reason.STOCK_WRITE_OFF),
        ({"price": "-1"}, Reason.NEGATIVE_PRICE),
        ({"price": "0.001"}, Reason.PRICE_FINER_THAN_PENNY),
    ],
)
def test_an_invoices_row_is_a_line_or_has_a_reason(parts: dict[str, Any], reason: Reason | None) -> None:
    assert sale_reason(row(**parts)) == reason


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, None),
        ({"sku": "D"}, Reason.DISCOUNT),
        ({"sku": "POST", "customer": ""}, Reason.POSTAGE),
        ({"quantity": 2}, Reason.CREDIT_WITH_POSITIVE_QUANTITY),
        ({"quantity": 0}, Reason.CREDIT_OF_NOTHING),
        ({"price": "0"}, Reason.CREDIT_OF_NOTHING),
        ({"price": "-1"}, Reason.NEGATIVE_PRICE),
        ({"price": "2.555"}, Reason.PRICE_FINER_THAN_PENNY),
        ({"customer": ""}, Reason.CREDIT_WITHOUT_CUSTOMER),
    ],
)
def test_a_credits_row_may_be_a_refund_or_has_a_reason(parts: dict[str, Any], reason: Reason | None) -> None:
    assert credit_reason(row(**{"invoice": "C700002", "quantity": -1, **parts})) == reason


def test_every_reason_means_something_to_people() -> None:
    assert set(MEANINGS) == set(Reason)
    assert all(code == code.upper() for code in FEES)
    assert meaning(refund_refused("not_refundable")) != meaning(Reason.POSTAGE)
    assert refund_refused("x") == f"{REFUND_REFUSED}:x"


def test_the_documentation_names_every_reason() -> None:
    text = (Path(__file__).parents[3] / "docs" / "retail-import.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert set(Reason) <= named


def test_rows_find_their_invoice_wherever_they_stand() -> None:
    found = sorted_rows(
        line("700001"),
        line("C700002", quantity=-1, customer=""),
        line("700003", quantity="two"),
        line("700001", sku="POST"),
        line("700001", sku="10002"),
        line("", quantity=1),
        line("c700002", quantity="minus one"),
    )
    assert [r.sku for r in found.orders["700001"].rows] == ["10001", "10002"]
    assert [(r.sku, reason) for r, reason in found.orders["700001"].excluded] == [("POST", Reason.POSTAGE)]
    assert [u.reason for u in found.orders["700003"].unreadable] == [Reason.UNREADABLE_QUANTITY]
    assert list(found.credit_notes) == ["C700002", "c700002"]
    assert [u.number for u in found.homeless] == [7]
    assert found.without_customer == 1


def test_a_body_names_every_price_and_the_total_and_says_nothing_of_the_customer() -> None:
    invoice = sorted_rows(line(), line(sku="POST"), line(sku="10002", quantity=1, price="0.85")).orders[
        "700001"
    ]
    assert json.loads(order_body(invoice)) == {
        "currency": "GBP",
        "reference": "invoice 700001",
        "lines": [
            {"sku": "10001", "quantity": 2, "price_id": "p255"},
            {"sku": "10002", "quantity": 1, "price_id": "p85"},
        ],
        "total": 595,
        "payment_method": "pm_card_visa",
    }
    assert invoice.key == "retail-700001"


def test_an_order_of_nothing_names_no_payment() -> None:
    body = json.loads(order_body(sorted_rows(line(price="0")).orders["700001"]))
    assert (body["total"], "payment_method" in body) == (0, False)
    assert parse_submission(body).stated_total == 0


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line(quantity=-5, price="0")], "out_of_range"),
        ([line(quantity="two")], "wrong_type"),
        ([line(quantity="2", at="yesterday")], "wrong_type"),
        (["700001"], "invalid_format"),
        ([line(price="0.001")], "wrong_type"),
        ([line(price="-3")], "out_of_range"),
    ],
)
def test_an_invoice_without_an_importable_row_goes_out_as_it_stands_and_is_refused(
    lines: list[str], code: str
) -> None:
    with pytest.raises(InvalidBody) as refusal:
        parse_submission(json.loads(order_body(sorted_rows(*lines).orders["700001"])))
    assert refusal.value.problems[0].code == code


def test_fees_alone_are_left_to_the_catalogue_to_refuse() -> None:
    body = json.loads(order_body(sorted_rows(line(sku="POST", quantity=1, price="18.00")).orders["700001"]))
    assert body["lines"] == [{"sku": "POST", "quantity": 1}]
    assert parse_submission(body).stated_total == 1800


def test_products_that_cannot_be_sold_take_their_rows_along() -> None:
    found = sorted_rows(line(), line(sku="10002"), line("700002"))
    exclude_products(found.orders, {"10001": Reason.PRICE_CONFLICT})
    assert [r.sku for r in found.orders["700001"].rows] == ["10002"]
    assert [(r.number, reason) for r, reason in found.orders["700001"].excluded] == [(2, "price_conflict")]
    assert found.orders["700002"].rows == []
