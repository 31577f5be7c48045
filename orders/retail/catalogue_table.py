"""Brings the inventory table up to what the file wants: in transactions, each change once per file.

`stocked` on an inventory item maps the digest of each imported file to the quantity that was added for it.
Together with its condition it makes a top-up idempotent: a lost answer, a second run and a second import at
the same time find it there.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.catalogue import product_from_item, product_to_item
from lambdas.adapters.dynamodb.failures import TRANSACTION_CANCELED, error_code, store_errors
from lambdas.domain.errors import StoreUnavailable
from orders.retail.catalogue import CataloguePlan, Stocked, TopUp, Wanted, plan_catalogue
from orders.retail.invoices import CURRENCY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from orders.retail.reasons import Reason

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MAX_ACTIONS: Final = 100
_TRIES: Final = 8
_FIRST_DELAY_SECONDS: Final = 0.1


@dataclass(slots=True)
class CatalogueChange:
    """How many products were made and topped up, and which cannot be sold as the file says."""

    created: int
    topped_up: int
    conflicts: dict[str, Reason]


@dataclass(frozen=True, slots=True)
class CatalogueTable:
    """The inventory table; `pause` sleeps."""

    client: Any
    table: str
    pause: Callable[[float], None] = time.sleep

    def read(self, skus: Iterable[str]) -> dict[str, Stocked]:
        """Return the known ones of `skus` with the files they were stocked for."""
        items = batch_get(self.client, self.table, [_key(sku) for sku in skus], consistent=True)
        found = ((product_from_item(item), from_item(item).get("stocked")) for item in items)
        return {product.sku: Stocked(product, sources) for product, sources in found}

    def bring_up(
        self, wanted: Mapping[str, Wanted], source: str, told: Callable[[int], None] = lambda _done: None
    ) -> CatalogueChange:
        """Write what is missing for the file that `source` names; `told` hears how many products are done.

        Raises:
            StoreUnavailable: the table does not take writes; what was written stays and is not added again.
        """
        change = CatalogueChange(0, 0, {})
        done = 0
        for chunk in _chunks(wanted.values()):
            plan = self._bring_up_chunk(chunk, source)
            change.created += len(plan.new)
            change.topped_up += len(plan.top_ups)
            change.conflicts |= plan.conflicts
            done += len(chunk)
            told(done)
        return change

    def _bring_up_chunk(self, chunk: list[Wanted], source: str) -> CataloguePlan:
        for attempt in range(_TRIES):
            try:
                plan = plan_catalogue(chunk, self.read(product.sku for product in chunk), source)
                if self._write(plan, source):
                    return plan
            except StoreUnavailable:
                if attempt == _TRIES - 1:
                    raise
            self.pause(random.uniform(0, _FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311 - jitter
        raise StoreUnavailable("others change the same products")

    def _write(self, plan: CataloguePlan, source: str) -> bool:
        """Write a plan in one transaction; False when somebody was faster and it is to be made anew."""
        actions = [self._creation(wanted, source) for wanted in plan.new]
        actions += [self._addition(top_up, source) for top_up in plan.top_ups]
        if not actions:
            return True
        try:
            with store_errors():
                self.client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if error_code(error) != TRANSACTION_CANCELED:
                raise
            return False
        return True

    def _creation(self, wanted: Wanted, source: str) -> dict[str, Any]:
        item = product_to_item(wanted.as_product()) | to_item({"stocked": {source: wanted.demand}})
        condition = "attribute_not_exists(sku)"
        return {"Put": {"TableName": self.table, "Item": item, "ConditionExpression": condition}}

    def _addition(self, top_up: TopUp, source: str) -> dict[str, Any]:
        sets: list[str] = []
        conditions = ["#currency = :currency"]
        names = {"#currency": "currency"}
        values: dict[str, object] = {":currency": CURRENCY}
        for number, (point, price) in enumerate(top_up.points.items()):
            names |= {"#prices": "prices", f"#p{number}": point}
            values[f":p{number}"] = price
            sets.append(f"#prices.#p{number} = :p{number}")
            conditions.append(f"attribute_not_exists(#prices.#p{number})")
        if top_up.quantity is not None:
            path = "#stocked" if top_up.first_source else "#stocked.#source"
            names |= {"#stocked": "stocked", "#on_hand": "on_hand"}
            values[":quantity"] = top_up.quantity
            values[":stocked"] = {source: top_up.quantity} if top_up.first_source else top_up.quantity
            if not top_up.first_source:
                names["#source"] = source
            sets += ["#on_hand = #on_hand + :quantity", f"{path} = :stocked"]
            conditions.append(f"attribute_not_exists({path})")
        return {
            "Update": {
                "TableName": self.table,
                "Key": _key(top_up.sku),
                "UpdateExpression": "SET " + ", ".join(sets),
                "ConditionExpression": " AND ".join(conditions),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": to_item(values),
            }
        }


def _key(sku: str) -> dict[str, Any]:
    return to_item({"sku": sku})


def _chunks(products: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    rest = iter(products)
    while chunk := list(islice(rest, MAX_ACTIONS)):
        yield chunk
