"""Currencies and the limits of an amount.

Source: https://docs.stripe.com/currencies. Stripe publishes a minimum for the currencies that an
account can settle in; for the others it converts at the day's rate, which a stand-in cannot, so
their minimum is 1 here. The maximum is eight digits for all (Stripe allows a few currencies more).
"""

from __future__ import annotations

from orders.local.standins.stripe.errors import ApiError, invalid

LARGEST_AMOUNT = 99_999_999
SMALLEST_AMOUNT = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
WITHOUT_MINOR_UNITS = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
WITH_THOUSANDTHS = "bhd jod kwd omr tnd"
WITH_HUNDREDTHS = """
afn all amd ang aoa ars awg azn bam bbd bdt bmd bnd bob bsd bwp byn bzd cdf cny cop crc cve dop dzd
egp etb fjd fkp gel gip gmd gtq gyd hnl hrk htg idr ils isk jmd kes kgs khr kyd kzt lak lbp lkr lrd
lsl mad mdl mkd mmk mnt mop mur mvr mwk mzn nad ngn nio npr pab pen pgk php pkr qar rsd rub sar sbd
scr shp sle sos srd std szl tjs top try ttd twd tzs uah uyu uzs wst xcd yer zar zmw
"""
ZERO_DECIMAL = frozenset(WITHOUT_MINOR_UNITS.split())
THREE_DECIMAL = frozenset(WITH_THOUSANDTHS.split())
CURRENCIES = frozenset(WITH_HUNDREDTHS.split()) | frozenset(SMALLEST_AMOUNT) | ZERO_DECIMAL | THREE_DECIMAL
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def shown(amount: int, currency: str) -> str:
    """An amount of minor units as Stripe's messages show it, e.g. `$0.50`."""
    if currency in ZERO_DECIMAL:
        digits = f"{amount:,}"
    elif currency in THREE_DECIMAL:
        digits = f"{amount / 1000:,.3f}"
    else:
        digits = f"{amount // 100:,}.{amount % 100:02d}"
    return f"{SYMBOLS.get(currency, '')}{digits}"


def check_currency(currency: str) -> str:
    """The currency in lower case.

    Raises:
        ApiError: 400, Stripe does not know it.
    """
    known = currency.lower()
    if known not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    return known


def check_positive(amount: int, param: str) -> int:
    """The amount.

    Raises:
        ApiError: 400 `parameter_invalid_integer` below 1.
    """
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=param,
        )
    return amount


def check_charge(amount: int, currency: str) -> int:
    """The amount of a payment.

    Raises:
        ApiError: 400 `amount_too_small` or `amount_too_large`, or below 1.
    """
    check_positive(amount, "amount")
    smallest = SMALLEST_AMOUNT.get(currency, 1)
    if amount < smallest:
        raise _limit("at least", smallest, currency, "amount_too_small")
    if amount > LARGEST_AMOUNT:
        raise _limit("no more than", LARGEST_AMOUNT, currency, "amount_too_large")
    return amount


def _limit(words: str, limit: int, currency: str, code: str) -> ApiError:
    message = f"Amount must be {words} {shown(limit, currency)} {currency}"
    return invalid(message, code=code, param="amount")
