"""The body of `POST /v1/orders`, read strictly: nothing is guessed and every error is told at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from lambdas.domain.catalogue import LIST_PRICE
from lambdas.domain.money import MINOR_DIGITS
from lambdas.domain.problems import Problem, pointer_to
from lambdas.domain.request_body import InvalidBody, json_object, text_field, unknown_fields, whole_number

MAX_LINES: Final = 1_000
MAX_QUANTITY: Final = 100_000
MAX_TOTAL: Final = 99_999_999  # the payment provider takes amounts of at most eight digits
MAX_REFERENCE: Final = 100
# The provider's minor units are not ISO 4217's here: it counts ISK and UGX in hundredths, MGA in whole
# units, and wants a zero as the last of three digits (https://docs.stripe.com/currencies).
UNSUPPORTED_CURRENCIES: Final = frozenset(
    ("ISK", "MGA", "UGX", "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
)
# The OpenAPI document shows these forms too, so they say the same in Python and in ECMA-262.
SKU: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?")
PRICE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
PAYMENT_METHOD: Final = re.compile(r"pm_[A-Za-z0-9_]{1,100}")
# No control characters, no line separators, no marks that turn the direction of what is shown after them, and
# no U+FFFD: it stands where API Gateway found bytes that are no UTF-8, and the client said something else.
# Named one by one: what Python calls printable depends on the Unicode version of the Python that runs.
REFERENCE: Final = re.compile(
    rf"[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\uffff]{{1,{MAX_REFERENCE}}}"
)
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CARD_SEPARATORS: Final = re.compile(r"[ \-]")
_CARD_DIGITS: Final = re.compile(r"\d{12,19}")
_FIELDS: Final = frozenset({"currency", "lines", "payment_method", "total", "reference"})
_LINE_FIELDS: Final = frozenset({"sku", "quantity", "price_id"})


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A line as the client asks for it; the price is the catalogue's."""

    sku: str
    quantity: int
    price_id: str = LIST_PRICE


@dataclass(frozen=True, slots=True)
class Submission:
    """A well-formed order that has not been priced yet. `stated_total` is in minor units."""

    currency: str
    lines: tuple[RequestedLine, ...]
    payment_method: str | None = None
    stated_total: int | None = None
    reference: str | None = None


def parse_submission(body: object) -> Submission:
    """Turn a parsed JSON body into a submission.

    Raises:
        InvalidBody: with all problems of the body.
    """
    body = json_object(body)
    problems: list[Problem] = unknown_fields(body, _FIELDS)
    submission = Submission(
        currency=_currency(body, problems),
        lines=_lines(body, problems),
        payment_method=_payment_method(body, problems),
        stated_total=whole_number(body, "total", (0, MAX_TOTAL), problems, required=False),
        reference=_reference(body, problems),
    )
    if problems:
        raise InvalidBody(problems)
    return submission


def is_card_number(text: str) -> bool:
    """Tell whether a text is a card's number: 12 to 19 digits with the Luhn check (ISO/IEC 7812-1)."""
    digits = _CARD_SEPARATORS.sub("", text)
    if not _CARD_DIGITS.fullmatch(digits):
        return False
    doubled = (int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0  # noqa: PLR2004 - the Luhn algorithm's own


def _currency(body: dict[str, Any], problems: list[Problem]) -> str:
    value = body.get("currency")
    if value is None:
        problems.append(Problem("/currency", "required", "an ISO 4217 currency code"))
    elif not isinstance(value, str):
        problems.append(Problem("/currency", "wrong_type", "must be a string"))
    elif value not in MINOR_DIGITS:
        problems.append(Problem("/currency", "unknown_currency", "no ISO 4217 code in capitals"))
    elif value in UNSUPPORTED_CURRENCIES:
        problems.append(Problem("/currency", "currency_not_supported", "the provider counts it differently"))
    else:
        return value
    return ""


def _lines(body: dict[str, Any], problems: list[Problem]) -> tuple[RequestedLine, ...]:
    value = body.get("lines")
    if value is None:
        problems.append(Problem("/lines", "required", "an array of at least one line"))
    elif not isinstance(value, list):
        problems.append(Problem("/lines", "wrong_type", "must be an array"))
    elif not 1 <= len(value) <= MAX_LINES:
        problems.append(Problem("/lines", "out_of_range", f"must have 1 to {MAX_LINES} lines"))
    else:
        return tuple(_line(entry, index, problems) for index, entry in enumerate(value))
    return ()


def _line(entry: object, index: int, problems: list[Problem]) -> RequestedLine:
    at = ("lines", index)
    if not isinstance(entry, dict):
        problems.append(Problem(pointer_to(*at), "wrong_type", "a line must be an object"))
        return RequestedLine("", 0)
    problems.extend(unknown_fields(entry, _LINE_FIELDS, *at))
    sku = text_field(entry, "sku", SKU, "1 to 64 printable ASCII characters", problems, at)
    quantity = whole_number(entry, "quantity", (1, MAX_QUANTITY), problems, *at)
    price_id = LIST_PRICE
    if entry.get("price_id") is not None:
        price_id = text_field(entry, "price_id", PRICE_ID, "an id of a price point", problems, at)
    return RequestedLine(sku, quantity or 0, price_id)


def _payment_method(body: dict[str, Any], problems: list[Problem]) -> str | None:
    value = body.get("payment_method")
    if value is None:
        return None
    if is_card_number(str(value)):
        # The value is repeated nowhere, not even in the answer.
        problems.append(
            Problem("/payment_method", "card_number_refused", "send a payment method's token (pm_...)")
        )
        return None
    meaning = "a payment method's token (pm_...)"
    return text_field(body, "payment_method", PAYMENT_METHOD, meaning, problems) or None


def _reference(body: dict[str, Any], problems: list[Problem]) -> str | None:
    value = body.get("reference")
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(Problem("/reference", "wrong_type", "must be a string"))
    elif is_card_number(value):
        problems.append(Problem("/reference", "card_number_refused", "a card number belongs nowhere here"))
    elif not REFERENCE.fullmatch(value) or _SURROGATE.search(value):
        detail = f"must be 1 to {MAX_REFERENCE} characters, none of them a control character"
        problems.append(Problem("/reference", "invalid_format", detail))
    else:
        return value
    return None
