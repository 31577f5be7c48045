"""Customers of the demonstration who change their minds: the same ones at every run."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.refund import RefundStatus

if TYPE_CHECKING:
    from orders.api_client import OrdersClient

_EVERY_RETURN: Final = 12
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Returned:
    """A refund as it ended: minor units, and what came back."""

    order_id: str
    status: str
    reason: str
    amount: int


def refund_some(client: OrdersClient, orders: list[dict[str, Any]], patience: float) -> list[Returned]:
    """Send one piece of every twelfth paid order back to the shelf, and all of the first one's money."""
    paid = sorted((o for o in orders if o["payment_status"] == "captured"), key=lambda o: str(o["reference"]))
    wishes: list[tuple[str, dict[str, Any]]] = [
        (
            order["order_id"],
            {"reason_code": "returned", "lines": [{"line": 1, "quantity": 1}], "restock": True},
        )
        for order in paid[_EVERY_RETURN - 1 :: _EVERY_RETURN]
    ]
    if paid:
        wishes.append((paid[0]["order_id"], {"reason_code": "damaged"}))
    for order_id, wish in wishes:
        client.refund(order_id, json.dumps(wish).encode(), "refund-1")
    deadline = time.monotonic() + patience
    return [_ended(client, order_id, deadline) for order_id, _ in wishes]


def _ended(client: OrdersClient, order_id: str, deadline: float) -> Returned:
    while True:
        (refund,) = client.refunds(order_id)
        if refund["status"] != RefundStatus.REQUESTED or time.monotonic() > deadline:
            return Returned(order_id, refund["status"], refund["reason_code"], refund["amount"])
        time.sleep(_POLL_SECONDS)
