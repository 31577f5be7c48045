from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from orders.retail.errors import RetailFileError
from orders.retail.file import amount_of, parse_retail_file, read_retail_file
from orders.retail.reasons import Reason
from tests.unit.retail.files import HEADER, content, line, parsed, row

if TYPE_CHECKING:
    from pathlib import Path


def read(data: bytes) -> tuple[list[str], list[str]]:
    """Return the descriptions of what was read, and the reasons of what was not."""
    file = parse_retail_file(data, "x.csv", lambda _lines: lambda _done: None)
    return [r.description for r in file.rows], [u.reason.value for u in file.unreadable]


def test_a_row_is_read_as_it_stands() -> None:
    found = row(invoice="700001", sku="10001a", quantity=-6, price="2.55", text='"LANTERN, ""RED"""')
    assert (found.number, found.invoice, found.sku, found.quantity) == (2, "700001", "10001a", -6)
    assert found.description == 'LANTERN, "RED"'
    assert found.at == datetime(2010, 12, 1, 12, 0, tzinfo=UTC)
    assert (found.price, found.pennies, found.amount) == (Decimal("2.55"), 255, -1530)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line(quantity="two"), Reason.UNREADABLE_QUANTITY),
        (line(quantity="1.5"), Reason.UNREADABLE_QUANTITY),
        (line(quantity=""), Reason.UNREADABLE_QUANTITY),
        (line(quantity="9" * 30), Reason.UNREADABLE_QUANTITY),
        (line(price="free"), Reason.UNREADABLE_PRICE),
        (line(price="NaN"), Reason.UNREADABLE_PRICE),
        (line(price="1e3"), Reason.UNREADABLE_PRICE),
        (line(price=""), Reason.UNREADABLE_PRICE),
        (line(at="12/13/2010 08:26"), Reason.UNREADABLE_DATE),
        (line(at="12/1/2010 8:26"), Reason.UNREADABLE_DATE),
        (line(at="2010-12-01 08:26"), Reason.UNREADABLE_DATE),
        (line(at="01/12/2010 25:00"), Reason.UNREADABLE_DATE),
        (line(invoice=""), Reason.UNREADABLE_INVOICE),
        (line(invoice="7000 01"), Reason.UNREADABLE_INVOICE),
        (line(sku=""), Reason.UNREADABLE_STOCK_CODE),
        (line(sku="1" * 65), Reason.UNREADABLE_STOCK_CODE),
        ("700001,10001,LANTERN", Reason.UNREADABLE_COLUMNS),
        (line() + ",surplus", Reason.UNREADABLE_COLUMNS),
        (line(text='"LANTERN'), Reason.UNREADABLE_COLUMNS),
        (line(text='"LANTERN"RED'), Reason.UNREADABLE_COLUMNS),
    ],
)
def test_what_cannot_be_read_has_a_reason_and_harms_no_other_row(text: str, reason: Reason) -> None:
    file = parsed(line(), text, line(quantity=3))
    assert [unreadable.reason for unreadable in file.unreadable] == [reason]
    assert [r.quantity for r in file.rows] == [2, 3]
    assert (file.row_count, file.total) == (3, 5 * 255)
    assert file.unreadable[0].amount == 0


def test_an_unreadable_row_keeps_its_invoice_where_that_can_be_read() -> None:
    file = parsed(line(quantity="two"), line(invoice="?"), "700001")
    assert [(u.number, u.invoice, u.quantity) for u in file.unreadable] == [
        (2, "700001", "two"),
        (3, "", "2"),
        (4, "700001", ""),
    ]


def test_the_order_of_the_columns_and_more_of_them_do_not_matter() -> None:
    names = "Shop,UnitPrice,CustomerID,InvoiceNo,StockCode,Description,Quantity,InvoiceDate"
    file = parse_retail_file(
        f"{names}\nHigh Street,1.25,90001,700001,10001,LANTERN,4,01/12/2010 12:00".encode(),
        "x.csv",
        lambda _lines: lambda _done: None,
    )
    assert [(r.invoice, r.amount, r.customer) for r in file.rows] == [("700001", 500, "90001")]


@pytest.mark.parametrize(
    "encoded",
    [
        content(line(text="CAFÉ A\x85B")).decode().encode("latin-1"),
        content(line(text="CAFÉ A\x85B")),
        b"\xef\xbb\xbf" + content(line(text="CAFÉ A\x85B")),
        content(line(text="CAFÉ A\x85B")).decode().replace("\n", "\r\n").encode("latin-1"),
    ],
    ids=["latin-1", "utf-8", "utf-8 with its mark", "windows"],
)
def test_text_is_latin_1_or_utf_8_and_only_line_feeds_end_a_line(encoded: bytes) -> None:
    assert read(encoded) == (["CAFÉ A\x85B"], [])


def test_blank_lines_are_no_rows_and_the_last_line_feed_may_be_missing() -> None:
    assert read(content(line(), "", "  ", line()).removesuffix(b"\n")) == (["PAPER LANTERN"] * 2, [])
    assert read(HEADER.encode()) == ([], [])


@pytest.mark.parametrize("header", ["", "a,b,c", HEADER.replace("UnitPrice", "Price"), f"{HEADER},StockCode"])
def test_another_format_is_one_clear_error(header: str) -> None:
    with pytest.raises(RetailFileError, match=r"x\.csv: no retail export, its first line has no .*"):
        read(f"{header}\n{line()}".encode())


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RetailFileError, match=r"none\.csv: No such file"):
        read_retail_file(tmp_path / "none.csv", lambda _lines: lambda _done: None)


def test_the_source_is_named_by_the_files_content(tmp_path: Path) -> None:
    assert parsed(line()).digest == parsed(line()).digest != parsed(line(quantity=3)).digest
    (tmp_path / "a.csv").write_bytes(content(line()))
    found = read_retail_file(tmp_path / "a.csv", lambda _lines: lambda _done: None)
    assert found.digest == parsed(line()).digest


def test_progress_is_told_in_lines_and_ends_with_all_of_them() -> None:
    heard: list[int] = []

    def begin(lines: int) -> object:
        heard.append(lines)
        return heard.append

    parse_retail_file(content(*[line()] * 2_500), "x.csv", begin)  # type: ignore[arg-type] # list.append will do
    assert heard == [2_500, 999, 1_999, 2_500]


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        (3, "0.005", 2),  # 1.5 pennies
        (1, "0.005", 0),  # 0.5 pennies
        (5, "0.005", 2),  # 2.5 pennies
        (-3, "0.005", -2),
        (1, "0.0049999999999999", 0),
        (1, "0.0050000000000001", 1),
        (999_999_999_999, "999999999999.9999999999999999", 99_999_999_999_900_000_000_000_000),
    ],
)
def test_an_amount_is_rounded_once_half_even(quantity: int, price: str, amount: int) -> None:
    assert amount_of(quantity, Decimal(price)) == amount


@pytest.mark.parametrize(("price", "pennies"), [("0", 0), ("1.5", 150), ("0.001", None), ("1.230", 123)])
def test_a_price_is_whole_pennies_or_finer(price: str, pennies: int | None) -> None:
    assert row(price=price).pennies == pennies
