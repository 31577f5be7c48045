"""The inventory table as the catalogue: one item per SKU with its price points, tax rate and stock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.domain.catalogue import Product

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class DynamoCatalogue:
    """Products in DynamoDB."""

    client: Any
    table: str

    def products(self, skus: Collection[str], *, consistent: bool = False) -> dict[str, Product]:
        """Return the known ones of `skus`."""
        keys = [to_item({"sku": sku}) for sku in dict.fromkeys(skus)]
        items = batch_get(self.client, self.table, keys, consistent=consistent)
        return {p.sku: p for p in map(product_from_item, items)}


def product_to_item(product: Product) -> dict[str, Any]:
    """Encode a product."""
    return to_item(
        {
            "sku": product.sku,
            "currency": product.currency,
            "prices": dict(product.prices),
            "tax_rate": product.tax_rate,
            "on_hand": product.on_hand,
            "description": product.description or None,
        }
    )


def product_from_item(item: Mapping[str, Any]) -> Product:
    """Decode a product."""
    values = from_item(item)
    return Product(
        sku=values["sku"],
        currency=values["currency"],
        prices=values["prices"],
        tax_rate=values.get("tax_rate", 0),
        on_hand=values["on_hand"],
        description=values.get("description", ""),
        partial_until=values.get("partial_until", 0),
    )
