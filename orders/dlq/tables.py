"""Reads in batches what the tables have of many failures' orders: heads, refunds, entries, products."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.attributes import from_item, to_item
from lambdas.adapters.dynamodb.batches import batch_get
from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.failure_items import failure_from_item, record_key
from lambdas.adapters.dynamodb.open_orders import DynamoOpenOrders
from lambdas.adapters.dynamodb.order_items import lines_from_maps, lines_key
from lambdas.adapters.dynamodb.refunds import refund_from_item, refund_key
from lambdas.adapters.dynamodb.stock import SKUS_WITH_HEAD
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.order import FulfillmentStatus, quantities_by_sku

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambdas.domain.failure import Failure
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund


@dataclass(slots=True)
class Stored:
    """What was found. `booked` are entry numbers of interest, by order.

    `withdrawn` orders have a product that is sold no more and no payment yet; of a `short` one there is not
    enough left of something that is not reserved.
    """

    orders: dict[OrderId, Order]
    unreadable: frozenset[OrderId]
    refunds: dict[RefundId, Refund] = field(default_factory=dict)
    booked: dict[OrderId, set[int]] = field(default_factory=lambda: defaultdict(set))
    withdrawn: set[OrderId] = field(default_factory=set)
    short: set[OrderId] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class OrderTables:
    """The tables by their names; `client` is botocore's. Whatever can change is read consistently."""

    client: Any
    failures: str
    orders: str
    ledger: str
    inventory: str

    def records(self, failures: Sequence[Failure]) -> list[Failure]:
        """Read failures that an index listed, which may lag behind; raises StoreUnavailable."""
        keys = [record_key(failure.failure_id) for failure in failures]
        items = batch_get(self.client, self.failures, keys, consistent=True)
        return [failure_from_item(item) for item in items]

    def read(self, failures: Sequence[Failure]) -> Stored:
        """Read everything of these failures' orders; raises StoreUnavailable."""
        order_ids = list(dict.fromkeys(f.order_id for f in failures if f.order_id))
        heads = DynamoOpenOrders(self.client, self.orders).heads(order_ids)
        stored = Stored({order.order_id: order for order in heads.orders}, frozenset(heads.unreadable))
        self._read_refunds(failures, stored)
        self._read_ledger(stored)
        self._read_goods(stored)
        return stored

    def _read_refunds(self, failures: Sequence[Failure], stored: Stored) -> None:
        keys = [refund_key(f.order_id, f.refund_id) for f in failures if f.order_id and f.refund_id]
        for item in batch_get(self.client, self.orders, keys, consistent=True):
            refund = refund_from_item(item)
            stored.refunds[refund.refund_id] = refund

    def _read_ledger(self, stored: Stored) -> None:
        """Look for the last entry that each head knows of, and for one after it."""
        keys = [
            to_item({"order_id": order.order_id, "entry_no": number})
            for order in stored.orders.values()
            for number in (order.entries, order.entries + 1)
            if number
        ]
        for item in batch_get(self.client, self.ledger, keys, consistent=True):
            stored.booked[OrderId(item["order_id"]["S"])].add(int(item["entry_no"]["N"]))

    def _read_goods(self, stored: Stored) -> None:
        waiting = [order for order in stored.orders.values() if _wants_goods(order)]
        wanted = {order_id: quantities_by_sku(lines) for order_id, lines in self._lines_of(waiting)}
        skus = {sku for quantities in wanted.values() for sku in quantities}
        products = DynamoCatalogue(self.client, self.inventory).products(skus, consistent=True)
        for order in waiting:
            quantities = wanted.get(order.order_id, {})
            # Validation looks at the catalogue until there is a payment, as here.
            if order.payment_intent is None and quantities.keys() - products.keys():
                stored.withdrawn.add(order.order_id)
            # A large order may hold a part of its goods already: for it the shelf says nothing.
            elif len(quantities) <= SKUS_WITH_HEAD and any(
                sku not in products or products[sku].on_hand < quantity
                for sku, quantity in quantities.items()
            ):
                stored.short.add(order.order_id)

    def _lines_of(self, orders: Sequence[Order]) -> Iterable[tuple[OrderId, tuple[Line, ...]]]:
        apart = [order for order in orders if order.lines is None]
        yield from ((order.order_id, order.lines) for order in orders if order.lines is not None)
        for item in batch_get(self.client, self.orders, [lines_key(order) for order in apart]):
            yield OrderId(item["order_id"]["S"]), lines_from_maps(from_item(item)["lines"])


def _wants_goods(order: Order) -> bool:
    unreserved = order.fulfillment_status is FulfillmentStatus.UNRESERVED
    return unreserved and not order.terminal and order.stop_reason is None
