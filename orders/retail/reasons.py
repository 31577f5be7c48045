"""Why a row of the file is not imported: stable names for programs, a few words for people.

`refund_refused:<code>` is the one reason that is made up on the way: its code is the API's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The names; `MEANINGS` explains each."""

    UNREADABLE_COLUMNS = "unreadable_columns"
    UNREADABLE_INVOICE = "unreadable_invoice"
    UNREADABLE_STOCK_CODE = "unreadable_stock_code"
    UNREADABLE_QUANTITY = "unreadable_quantity"
    UNREADABLE_PRICE = "unreadable_price"
    UNREADABLE_DATE = "unreadable_date"

    POSTAGE = "postage"
    MANUAL_ADJUSTMENT = "manual_adjustment"
    DISCOUNT = "discount"
    BANK_CHARGE = "bank_charge"
    MARKETPLACE_FEE = "marketplace_fee"
    SAMPLE = "sample"
    CHARITY_COMMISSION = "charity_commission"
    BAD_DEBT = "bad_debt"
    TEST_ENTRY = "test_entry"

    STOCK_WRITE_OFF = "stock_write_off"
    NEGATIVE_PRICE = "negative_price"
    PRICE_FINER_THAN_PENNY = "price_finer_than_penny"
    PRICE_CONFLICT = "price_conflict"
    CURRENCY_CONFLICT = "currency_conflict"
    REFUSED_BY_API = "refused_by_api"

    CREDIT_WITH_POSITIVE_QUANTITY = "credit_with_positive_quantity"
    CREDIT_OF_NOTHING = "credit_of_nothing"
    CREDIT_WITHOUT_CUSTOMER = "credit_without_customer"
    CREDIT_ORDER_UNKNOWN = "credit_order_unknown"
    CREDIT_LINE_UNKNOWN = "credit_line_unknown"
    CREDIT_EXCEEDS_SALE = "credit_exceeds_sale"
    CREDIT_AWAITS_ORDER = "credit_awaits_order"


REFUND_REFUSED: Final = "refund_refused"
_REFUND_REFUSED_MEANING: Final = "the API refused the refund"

MEANINGS: Final[dict[str, str]] = {
    Reason.UNREADABLE_COLUMNS: "not as many columns as the header, or a quote that is not closed",
    Reason.UNREADABLE_INVOICE: "no invoice number of letters and digits",
    Reason.UNREADABLE_STOCK_CODE: "no stock code of 1 to 64 printable ASCII characters",
    Reason.UNREADABLE_QUANTITY: "no whole number as quantity",
    Reason.UNREADABLE_PRICE: "no number as price",
    Reason.UNREADABLE_DATE: "no date of the form dd/mm/yyyy hh:mm",
    Reason.POSTAGE: "postage and carriage, no product",
    Reason.MANUAL_ADJUSTMENT: "entered by hand, no product",
    Reason.DISCOUNT: "a discount, no product",
    Reason.BANK_CHARGE: "a bank's charge, no product",
    Reason.MARKETPLACE_FEE: "a marketplace's fee, no product",
    Reason.SAMPLE: "samples, no product",
    Reason.CHARITY_COMMISSION: "a commission for charity, no product",
    Reason.BAD_DEBT: "a bad debt's adjustment, no product",
    Reason.TEST_ENTRY: "an entry for trying out, no product",
    Reason.STOCK_WRITE_OFF: "quantity 0 or less outside a credit note",
    Reason.NEGATIVE_PRICE: "a price below zero",
    Reason.PRICE_FINER_THAN_PENNY: "a price that is no whole number of pennies",
    Reason.PRICE_CONFLICT: "the catalogue has another amount under this price point",
    Reason.CURRENCY_CONFLICT: "the catalogue sells this product in another currency",
    Reason.REFUSED_BY_API: "the API refused the order",
    Reason.CREDIT_WITH_POSITIVE_QUANTITY: "a credit note's row that credits nothing back",
    Reason.CREDIT_OF_NOTHING: "a credit of zero",
    Reason.CREDIT_WITHOUT_CUSTOMER: "a credit that names no customer",
    Reason.CREDIT_ORDER_UNKNOWN: "no completed order of the customer before it, in this file",
    Reason.CREDIT_LINE_UNKNOWN: "no such product at this price in the customer's orders",
    Reason.CREDIT_EXCEEDS_SALE: "more than is left of what the customer bought",
    Reason.CREDIT_AWAITS_ORDER: "an order of the customer has not ended: the next run decides",
}

# The data set's codes that stand for no product, in capitals.
FEES: Final[dict[str, Reason]] = {
    "POST": Reason.POSTAGE,
    "DOT": Reason.POSTAGE,
    "C2": Reason.POSTAGE,
    "M": Reason.MANUAL_ADJUSTMENT,
    "ADJUST": Reason.MANUAL_ADJUSTMENT,
    "ADJUST2": Reason.MANUAL_ADJUSTMENT,
    "D": Reason.DISCOUNT,
    "BANK CHARGES": Reason.BANK_CHARGE,
    "AMAZONFEE": Reason.MARKETPLACE_FEE,
    "S": Reason.SAMPLE,
    "CRUK": Reason.CHARITY_COMMISSION,
    "B": Reason.BAD_DEBT,
    "TEST001": Reason.TEST_ENTRY,
    "TEST002": Reason.TEST_ENTRY,
}


def fee_reason(stock_code: str) -> Reason | None:
    """Tell which fee or manual entry a stock code stands for; None for a product's code."""
    return FEES.get(stock_code.upper())


def refund_refused(code: str) -> str:
    """Name the reason of a refund that the API refused with this code."""
    return f"{REFUND_REFUSED}:{code}"


def meaning(reason: str) -> str:
    """Explain a reason in a few words."""
    return MEANINGS.get(reason) or _REFUND_REFUSED_MEANING
