"""Money as an integer of minor units with its ISO 4217 currency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# ISO 4217 active codes by the number of digits after the decimal point (table A.1 of the standard). Funds and
# metals codes are left out: nobody pays with them.
_TWO_DIGITS: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD
NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN
SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
""".split()
_NO_DIGITS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()
_THREE_DIGITS: Final = "BHD IQD JOD KWD LYD OMR TND".split()

MINOR_DIGITS: Final[dict[str, int]] = {
    **dict.fromkeys(_TWO_DIGITS, 2),
    **dict.fromkeys(_NO_DIGITS, 0),
    **dict.fromkeys(_THREE_DIGITS, 3),
}


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount of minor units (pence, cents) in one currency; never a float."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse what is no money: a float or an unknown currency."""
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        if self.currency not in MINOR_DIGITS:
            raise ValueError(f"{self.currency!r} is no ISO 4217 currency")

    def __str__(self) -> str:
        """Render for people: `12.34 GBP`."""
        return f"{format_minor(self.minor, self.currency)} {self.currency}"


def format_minor(minor: int, currency: str) -> str:
    """Render minor units with the currency's decimal point and thousands commas, exactly."""
    digits = MINOR_DIGITS[currency]
    sign, whole = ("-", -minor) if minor < 0 else ("", minor)
    if digits == 0:
        return f"{sign}{whole:,}"
    major, fraction = divmod(whole, 10**digits)
    return f"{sign}{major:,}.{fraction:0{digits}d}"


def decimal_text(minor: int, currency: str) -> str:
    """Render minor units for programs: the currency's decimal point, exactly, and no commas."""
    return format_minor(minor, currency).replace(",", "")


def included_tax(gross_minor: int, rate_basis_points: int) -> int:
    """Return the tax inside a tax-inclusive amount, in minor units, half a unit rounded up.

    With rate r, gross = net x (1 + r), so tax = gross x r / (1 + r). A rate of 2000 basis points is 20 %.
    """
    divisor = 10_000 + rate_basis_points
    return (2 * gross_minor * rate_basis_points + divisor) // (2 * divisor)
