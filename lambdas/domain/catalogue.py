"""Products and their price points, and the port through which the pipeline reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LIST_PRICE: Final = "list"


@dataclass(frozen=True, slots=True)
class Product:
    """What can be ordered.

    `prices` maps a price point's id to minor units, tax included; `list` is always there. `tax_rate` is in
    basis points. `on_hand` is what is left to reserve. `partial_until` (epoch seconds): until then another
    order may hold some of it without keeping it.
    """

    sku: str
    currency: str
    prices: Mapping[str, int]
    tax_rate: int = 0
    on_hand: int = 0
    description: str = ""
    partial_until: int = field(default=0, compare=False)


class Catalogue(Protocol):
    """Reads products by SKU."""

    def products(self, skus: Collection[str]) -> dict[str, Product]:
        """Return the known ones of `skus`; raises StoreUnavailable."""
        ...
