"""Whatever is in a file: every row is accounted for, the sums close, and a second run changes nothing."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orders.retail.file import RetailFile, parse_retail_file
from orders.retail.invoices import sort_rows
from tests.fakes.shop_api import ShopApi
from tests.unit.retail.files import HEADER, line
from tests.unit.retail.importing import report_of, run_import

texts = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=12)
invoices = st.sampled_from(["700001", "700002", "700003", "C700004", "C700005", "A700006", ""])
skus = st.sampled_from(["10001", "10001a", "10002", "10003", "POST", "M", "D"])
prices = st.sampled_from(["2.55", "2.10", "0", "0.001", "0.005", "-1.00", "1.125"])
moments = st.sampled_from(["01/12/2010 12:00", "02/12/2010 12:00", "03/12/2010 12:00"])
customers = st.sampled_from(["90001", "90002", ""])
good_lines = st.builds(
    line,
    invoices,
    skus,
    st.integers(-6, 12) | st.sampled_from([100_001, -80_995]),
    prices,
    customer=customers,
    at=moments,
)
dirty_lines = st.builds(
    line,
    invoices | texts,
    skus | texts,
    texts,
    prices | texts,
    customer=texts,
    at=moments | texts,
    text=texts,
)
files = st.lists(good_lines | dirty_lines | texts, max_size=25)
sales = st.builds(line, st.sampled_from(["700001", "700002"]), skus, st.integers(1, 9), prices, at=moments)
returns = st.builds(
    line, st.sampled_from(["C700004", "C700005"]), skus, st.integers(-5, -1), prices, at=moments
)
ends = st.sampled_from(
    [("completed", None), ("rejected", "out_of_stock"), ("rejected", "payment_declined:x")]
)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_rows_or_reasons(lines: list[bytes]) -> None:
    data = b"\n".join([HEADER.encode(), *lines])
    file = parse_retail_file(data, "x.csv", lambda _lines: lambda _done: None)
    # The decoding is the whole file's: a line of nothing but blanks is known after it.
    text = data.decode("utf-8-sig") if _is_utf8(data) else data.decode("latin-1")
    assert file.row_count == sum(bool(found.strip()) for found in text.split("\n")[1:])
    assert file.total == sum(row.amount for row in file.rows)
    assert sorted(_numbers(file)) == sorted({*_numbers(file)})


@given(files)
def test_every_row_finds_one_place(lines: list[str]) -> None:
    file = parse_retail_file(_content(lines), "x.csv", lambda _lines: lambda _done: None)
    found = sort_rows(file)
    documents = [*found.orders.values(), *found.credit_notes.values()]
    placed = [r.number for d in documents for r in d.readable] + [
        u.number for d in documents for u in d.unreadable
    ]
    assert sorted(placed + [u.number for u in found.homeless]) == sorted(_numbers(file))


@settings(max_examples=200)
@given(files | st.lists(sales | returns, max_size=25), st.lists(ends, min_size=1, max_size=5))
def test_imported_and_excluded_make_the_file_and_a_second_run_changes_nothing(
    lines: list[str], outcomes: list[tuple[str, str | None]]
) -> None:
    shop = ShopApi(end=lambda order: outcomes[order["total"] % len(outcomes)])
    report = report_of(shop, run_import(shop, *lines))
    assert report.open_sums == []
    before = copy.deepcopy((shop.orders, shop.of_order, shop.catalogue.products))
    again = report_of(shop, run_import(shop, *lines))
    assert (shop.orders, shop.of_order, shop.catalogue.products) == before
    assert _facts(again.as_json()) == _facts(report.as_json())
    assert again.imported.catalogue.created == again.imported.catalogue.topped_up == 0


@given(st.lists(sales | returns, max_size=25))
def test_nothing_is_refunded_beyond_its_sale(lines: list[str]) -> None:
    shop = ShopApi()
    run_import(shop, *lines)
    for order_id, refunds in shop.of_order.items():
        assert sum(refund["amount"] for refund in refunds) <= shop.orders[order_id]["total"]
        assert {refund["status"] for refund in refunds} == {"succeeded"}
    assert "exceeds_refundable" not in str(report_of(shop, run_import(shop, *lines)).as_json())


def _content(lines: list[str]) -> bytes:
    return "\n".join((HEADER, *lines)).encode()


def _numbers(file: RetailFile) -> list[int]:
    return [row.number for row in file.rows] + [row.number for row in file.unreadable]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _facts(report: dict[str, Any]) -> dict[str, Any]:
    changing = {
        "seconds",
        "accepted_before",
        "refunds_accepted_before",
        "products_created",
        "products_topped_up",
    }
    return {name: value for name, value in report.items() if name not in changing}
