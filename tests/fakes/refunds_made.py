"""Refunds and cancellations as they would stand in the store, of the order in `orders_made`."""

from __future__ import annotations

from typing import Any

from lambdas.domain.identifiers import ClientId, order_id_for, refund_id_for
from lambdas.domain.order import Cancellation
from lambdas.domain.refund import Refund
from tests.fakes.orders_made import AT


def a_refund(key: str = "refund-1", **changes: Any) -> Refund:
    """A refund of 4.50 GBP that was just asked for; `changes` are fields of `Refund`."""
    client = ClientId("client-1")
    order_id = order_id_for(client, "key-1")
    values: dict[str, Any] = {
        "refund_id": refund_id_for(order_id, client, key),
        "order_id": order_id,
        "amount": 450,
        "currency": "GBP",
        "reason_code": "returned",
        "restock": False,
        "request_hash": "0" * 32,
        "requested_at": AT,
        "updated_at": AT,
    }
    return Refund(**(values | changes))


def a_cancellation(reason_code: str = "customer_request") -> Cancellation:
    """A client's wish to end an order."""
    return Cancellation(AT, reason_code, key="k" * 16, request_hash="0" * 32)
