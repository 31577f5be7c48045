"""Reads the file: every line that is not blank becomes a row, or the reason why it could not be read.

Lines are read one by one, and not as CSV records that may span lines: no text of this format has a line
break, and an unclosed quote would otherwise swallow the rows after it in silence.
"""

from __future__ import annotations

import csv
import hashlib
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from orders.retail.errors import RetailFileError
from orders.retail.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
)
TELL_EVERY: Final = 1_000
_DIGEST_LENGTH: Final = 12
_INVOICE: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_STOCK_CODE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?")
_QUANTITY: Final = re.compile(r"[+-]?[0-9]{1,12}")
_PRICE: Final = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,16})?")
# Both digits of day and month, always: the same export in American order must not be read as another day.
_DATE: Final = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([0-9]{2}):([0-9]{2})")
_PENNY: Final = Decimal(1)
# Wider than any product of the forms above, so that nothing but the last step rounds.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read.

    `number` is its line in the file (the header is line 1), `price` in pounds, `amount` quantity times price
    in pennies, rounded half even. The file names no time zone: `at` is for comparing rows with one another.
    """

    number: int
    invoice: str
    sku: str
    description: str
    quantity: int
    at: datetime
    price: Decimal
    customer: str
    amount: int

    @property
    def pennies(self) -> int | None:
        """The price in pennies; None when it is finer."""
        minor = self.price.scaleb(2, _EXACT)
        return int(minor) if minor == minor.to_integral_value() else None


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row of which something could not be read; its texts are as found, its amount is not known."""

    number: int
    invoice: str
    sku: str
    quantity: str
    reason: Reason
    amount: int = 0


@dataclass(slots=True)
class RetailFile:
    """The file's rows in their order; `total` is the readable rows' amount in pennies."""

    digest: str
    rows: list[Row] = field(default_factory=list)
    unreadable: list[UnreadableRow] = field(default_factory=list)
    total: int = 0

    @property
    def row_count(self) -> int:
        """All rows, the unreadable ones too."""
        return len(self.rows) + len(self.unreadable)


@dataclass(frozen=True, slots=True)
class _Header:
    """Where each column stands, and how many fields a row has."""

    columns: dict[str, int]
    width: int


class _Unreadable(Exception):
    """A field cannot be read."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_retail_file(path: Path, begin: Callable[[int], Callable[[int], None]]) -> RetailFile:
    """Read the whole file.

    Args:
        path: the file.
        begin: hears how many lines there are, and returns what hears how many of them are read.

    Raises:
        RetailFileError: there is no such file, or a column is missing in its first line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RetailFileError(f"{path}: {error.strerror}") from error
    return parse_retail_file(content, str(path), begin)


def parse_retail_file(content: bytes, name: str, begin: Callable[[int], Callable[[int], None]]) -> RetailFile:
    """Read a file's content, as `read_retail_file`; `name` is for messages."""
    # Only line feeds end a line: Latin-1 has bytes that Python would count as line ends as well.
    lines = _decode(content).removesuffix("\n").split("\n")
    header = _read_header(lines[0], name)
    told = begin(len(lines) - 1)
    file = RetailFile(hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH])
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            _add(file, number, line, header)
        if number % TELL_EVERY == 0:
            told(number - 1)
    told(len(lines) - 1)
    return file


def amount_of(quantity: int, price: Decimal) -> int:
    """Multiply, and round once and half even to whole pennies; `price` is in pounds."""
    exact = _EXACT.multiply(Decimal(quantity), price).scaleb(2, _EXACT)
    return int(exact.quantize(_PENNY, context=_EXACT))


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _read_header(line: str, file: str) -> _Header:
    names = [name.strip() for name in _fields(line)]
    if missing := [name for name in COLUMNS if names.count(name) != 1]:
        raise RetailFileError(f"{file}: no retail export, its first line has no {', '.join(missing)}")
    return _Header({name: names.index(name) for name in COLUMNS}, len(names))


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r")], strict=True), [])
    except csv.Error:
        return []


def _add(file: RetailFile, number: int, line: str, header: _Header) -> None:
    fields = _fields(line)
    texts = {name: fields[at].strip() for name, at in header.columns.items() if at < len(fields)}
    try:
        row = _row(number, texts, complete=len(fields) == header.width)
    except _Unreadable as error:
        invoice = texts.get("InvoiceNo", "")
        named = invoice if _INVOICE.fullmatch(invoice) else ""
        sku, quantity = texts.get("StockCode", ""), texts.get("Quantity", "")
        file.unreadable.append(UnreadableRow(number, named, sku, quantity, error.reason))
    else:
        file.rows.append(row)
        file.total += row.amount


def _row(number: int, texts: dict[str, str], *, complete: bool) -> Row:
    if not complete:
        raise _Unreadable(Reason.UNREADABLE_COLUMNS)
    quantity = int(_matching(_QUANTITY, texts["Quantity"], Reason.UNREADABLE_QUANTITY))
    price = Decimal(_matching(_PRICE, texts["UnitPrice"], Reason.UNREADABLE_PRICE))
    return Row(
        number=number,
        invoice=sys.intern(_matching(_INVOICE, texts["InvoiceNo"], Reason.UNREADABLE_INVOICE)),
        sku=sys.intern(_matching(_STOCK_CODE, texts["StockCode"], Reason.UNREADABLE_STOCK_CODE)),
        description=sys.intern(texts["Description"]),
        quantity=quantity,
        at=_moment(texts["InvoiceDate"]),
        price=price,
        customer=sys.intern(texts["CustomerID"]),
        amount=amount_of(quantity, price),
    )


def _matching(form: re.Pattern[str], text: str, reason: Reason) -> str:
    if not form.fullmatch(text):
        raise _Unreadable(reason)
    return text


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    match = _DATE.fullmatch(text)
    if not match:
        raise _Unreadable(Reason.UNREADABLE_DATE)
    day, month, year, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise _Unreadable(Reason.UNREADABLE_DATE) from error
