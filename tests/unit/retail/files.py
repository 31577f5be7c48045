"""Small files in the format of the data set, with made-up goods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.retail.file import parse_retail_file
from orders.retail.invoices import sort_rows

if TYPE_CHECKING:
    from orders.retail.file import RetailFile, Row
    from orders.retail.invoices import Invoices

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
NOON = "01/12/2010 12:00"


def line(
    invoice: str = "700001",
    sku: str = "10001",
    quantity: object = 2,
    price: object = "2.55",
    *,
    customer: str = "90001",
    at: str = NOON,
    text: str = "PAPER LANTERN",
) -> str:
    """One line of a file."""
    return f"{invoice},{sku},{text},{quantity},{at},{price},{customer},Nowhere"


def content(*lines: str) -> bytes:
    """A file of these lines under its header."""
    return "\n".join((HEADER, *lines, "")).encode()


def parsed(*lines: str) -> RetailFile:
    """Read a file of these lines."""
    return parse_retail_file(content(*lines), "made-up.csv", lambda _lines: lambda _done: None)


def sorted_rows(*lines: str) -> Invoices:
    """Read a file of these lines, and sort its rows."""
    return sort_rows(parsed(*lines))


def row(**parts: object) -> Row:
    """Read one line that can be read."""
    (found,) = parsed(line(**parts)).rows  # type: ignore[arg-type] # any part may be made wrong
    return found
