"""A small shop for the demonstration: its catalogue, and orders of which some must fail for a good reason."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from lambdas.domain.catalogue import Product

CURRENCY: Final = "GBP"
VAT: Final = 2000  # basis points
_BOOKS: Final = 0

CATALOGUE: Final = (
    Product("MUG-BLUE", CURRENCY, {"list": 1200}, VAT, 100_000, "Stoneware mug, blue"),
    Product("MUG-WHITE", CURRENCY, {"list": 1150}, VAT, 100_000, "Stoneware mug, white"),
    Product("TEAPOT-1L", CURRENCY, {"list": 3450}, VAT, 100_000, "Teapot, one litre"),
    Product("TEA-ASSAM", CURRENCY, {"list": 625}, 0, 100_000, "Assam, 250 g"),
    Product("TEA-SENCHA", CURRENCY, {"list": 890}, 0, 100_000, "Sencha, 100 g"),
    Product("TRAY-OAK", CURRENCY, {"list": 2799}, VAT, 100_000, "Oak tray"),
    Product("COOKBOOK", CURRENCY, {"list": 1999}, _BOOKS, 100_000, "The tea table, a cookbook"),
    Product("CAKE-STAND", CURRENCY, {"list": 4100}, VAT, 100_000, "Cake stand, two tiers"),
    Product("SAMPLE-TIN", CURRENCY, {"list": 0}, VAT, 100_000, "Sample tin, free of charge"),
    Product("VASE-ONE-OFF", CURRENCY, {"list": 9900}, VAT, 2, "Vase, the last two"),
)
_EVERYDAY: Final = tuple(p.sku for p in CATALOGUE if p.on_hand > 1000 and p.prices["list"])  # noqa: PLR2004 - plenty
# Stripe's test cards and what they answer: https://docs.stripe.com/testing#declined-payments
_DECLINING: Final = (
    "pm_card_visa_chargeDeclinedInsufficientFunds",
    "pm_card_visa_chargeDeclinedLostCard",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
)
_EVERY_DECLINE: Final = 17
_EVERY_SCARCE: Final = 23
_EVERY_FREE: Final = 29


@dataclass(frozen=True, slots=True)
class Sample:
    """An order's body and the key it goes out under."""

    key: str
    body: dict[str, Any]


def sample_orders(count: int, run: str) -> list[Sample]:
    """Make orders that are the same at every run, under keys of this run's own."""
    chance = random.Random(20101201)  # noqa: S311 - a demonstration, and always the same
    return [Sample(f"{run}-{n:04d}", _body(n, chance)) for n in range(1, count + 1)]


def _body(number: int, chance: random.Random) -> dict[str, Any]:
    skus = chance.sample(_EVERYDAY, chance.randint(1, 3))
    card = chance.choice(("pm_card_visa", "pm_card_mastercard", "pm_card_amex"))
    if number % _EVERY_SCARCE == 0:
        skus.append("VASE-ONE-OFF")
    if number % _EVERY_FREE == 0:
        skus = ["SAMPLE-TIN"]
    if number % _EVERY_DECLINE == 0:
        card = _DECLINING[number // _EVERY_DECLINE % len(_DECLINING)]
    return {
        "currency": CURRENCY,
        "reference": f"demo {number:04d}",
        "lines": [{"sku": sku, "quantity": chance.randint(1, 4)} for sku in skus],
        "payment_method": card,
    }
