"""What the file wants the catalogue to hold, and what is still to be written for it.

An existing product keeps its list price, its other price points and its stock: what this file needs is added,
once per file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambdas.domain.catalogue import LIST_PRICE, Product
from orders.retail.invoices import CURRENCY, price_id
from orders.retail.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orders.retail.invoices import Invoice

TAX_RATE: Final = 0  # the file's prices are final, and it says nothing of tax


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product as the file needs it: prices in pennies with the rows that name each, and its demand."""

    sku: str
    prices: Mapping[int, int]
    demand: int
    description: str

    @property
    def list_price(self) -> int:
        """The price that most rows name, and of those the lowest."""
        return min(self.prices, key=lambda price: (-self.prices[price], price))

    @property
    def points(self) -> dict[str, int]:
        """Its price points by id, without the list price."""
        return {price_id(price): price for price in sorted(self.prices)}

    def as_product(self) -> Product:
        """Make the product for a catalogue that does not have it."""
        prices = {LIST_PRICE: self.list_price, **self.points}
        return Product(self.sku, CURRENCY, prices, TAX_RATE, self.demand, self.description)


@dataclass(frozen=True, slots=True)
class Stocked:
    """A product that is there, and the files that its stock was topped up for, with how much."""

    product: Product
    sources: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class TopUp:
    """What an existing product still needs; `quantity` None when its stock has this file's demand already."""

    sku: str
    points: Mapping[str, int]
    quantity: int | None
    first_source: bool


@dataclass(slots=True)
class CataloguePlan:
    """What is to be written, and the products that cannot be sold as the file says."""

    new: list[Wanted] = field(default_factory=list)
    top_ups: list[TopUp] = field(default_factory=list)
    conflicts: dict[str, Reason] = field(default_factory=dict)


def wanted_products(orders: Iterable[Invoice]) -> dict[str, Wanted]:
    """Add up the importable rows by SKU; sorted, so that every run does the same."""
    prices: dict[str, Counter[int]] = {}
    demand: Counter[str] = Counter()
    names: dict[str, Counter[str]] = {}
    for row in (row for order in orders for row in order.rows):
        prices.setdefault(row.sku, Counter())[row.pennies or 0] += 1
        demand[row.sku] += row.quantity
        names.setdefault(row.sku, Counter())[row.description] += 1
    return {
        sku: Wanted(sku, dict(prices[sku]), demand[sku], _commonest(names[sku])) for sku in sorted(prices)
    }


def plan_catalogue(wanted: Iterable[Wanted], existing: Mapping[str, Stocked], source: str) -> CataloguePlan:
    """Compare what the file wants with what is there; `source` names the file."""
    plan = CataloguePlan()
    for product in wanted:
        found = existing.get(product.sku)
        if found is None:
            plan.new.append(product)
        elif reason := _conflict(product, found.product):
            plan.conflicts[product.sku] = reason
        elif top_up := _top_up(product, found, source):
            plan.top_ups.append(top_up)
    return plan


def _conflict(wanted: Wanted, found: Product) -> Reason | None:
    if found.currency != CURRENCY:
        return Reason.CURRENCY_CONFLICT
    differing = any(found.prices.get(point, price) != price for point, price in wanted.points.items())
    return Reason.PRICE_CONFLICT if differing else None


def _top_up(wanted: Wanted, found: Stocked, source: str) -> TopUp | None:
    points = {p: price for p, price in wanted.points.items() if p not in found.product.prices}
    quantity = None if source in (found.sources or {}) else wanted.demand
    if not points and quantity is None:
        return None
    return TopUp(wanted.sku, points, quantity, first_source=found.sources is None)


def _commonest(texts: Counter[str]) -> str:
    named = {text: count for text, count in texts.items() if text}
    return min(named, key=lambda text: (-named[text], text), default="")
