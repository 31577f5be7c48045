"""A shop with one claimed order: what the tests of stock act on and look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.order import Line, Order, quantities_by_sku
from tests.adapters.examples import CLAIM, LATER, MUCH_LATER, an_order, claimed, put_stock
from tests.adapters.recording import RecordingClient
from tests.adapters.tables import INVENTORY, ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.fulfilment import Shortage

ON_HAND = 10


@dataclass
class Shop:
    """An inventory with ten of each of the order's SKUs, and the order, claimed."""

    client: RecordingClient
    stock: DynamoStock
    order: Order
    lines: tuple[Line, ...]
    pauses: list[float] = field(default_factory=list)

    def reserve(self) -> Shortage | None:
        return self.stock.reserve(self.order, self.lines, CLAIM, LATER)

    def release(self, order: Order) -> None:
        self.stock.release(order, self.lines, CLAIM, MUCH_LATER)

    def release_partial(self) -> None:
        self.stock.release_partial(self.order, self.lines, CLAIM)

    def on_hand(self) -> dict[str, int]:
        items = self.client.client.scan(TableName=INVENTORY)["Items"]
        return {item["sku"]["S"]: int(item["on_hand"]["N"]) for item in items}

    def markers(self) -> int:
        items = self.client.client.scan(TableName=ORDERS)["Items"]
        return sum(item["item"]["S"].startswith("RESERVATION#") for item in items)

    @property
    def full(self) -> dict[str, int]:
        """What lies there when nothing is held."""
        return dict.fromkeys(quantities_by_sku(self.lines), ON_HAND)

    @property
    def held(self) -> dict[str, int]:
        """What lies there when the order is held."""
        return {sku: ON_HAND - quantity for sku, quantity in quantities_by_sku(self.lines).items()}


def open_shop(orders: DynamoOrderStore, lines: tuple[Line, ...]) -> Shop:
    """Stock the inventory, accept and claim the order."""
    put_stock(orders.client, dict.fromkeys((line.sku for line in lines), ON_HAND))
    order = claimed(orders, an_order(lines=lines))
    client = RecordingClient(orders.client)
    pauses: list[float] = []
    stock = DynamoStock(client, INVENTORY, ORDERS, pause=pauses.append)
    return Shop(client, stock, order, lines, pauses)
