"""Refunds as they would stand in the store, without going through the pipeline."""

from __future__ import annotations

from typing import Any

from lambdas.domain.identifiers import ClientId, RefundId, refund_id_for
from lambdas.domain.refund import Refund
from tests.fakes.orders_made import AT, an_order


def a_refund(key: str = "refund-1", **changes: Any) -> Refund:
    """A requested refund of 4.50 of `an_order()`; `changes` are fields of `Refund`."""
    order_id = an_order().order_id
    values: dict[str, Any] = {
        "refund_id": RefundId(refund_id_for(order_id, ClientId("client-1"), key)),
        "order_id": order_id,
        "amount": 450,
        "currency": "GBP",
        "reason_code": "returned",
        "restock": False,
        "request_hash": "1" * 32,
        "requested_at": AT,
        "updated_at": AT,
    }
    return Refund(**{**values, **changes})
