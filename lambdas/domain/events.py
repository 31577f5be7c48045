"""Outcome events: what the pipeline tells the world when an order ends.

The detail carries CloudEvents 1.0 attributes (https://github.com/cloudevents/spec). Its id is derived from
the order and the outcome, so that a consumer can drop the repeats of at-least-once delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambdas.domain.order import Order


def outcome_event(order: Order) -> dict[str, Any]:
    """Describe a terminal order: ids, states and money, no customer data."""
    return {
        "specversion": "1.0",
        "id": f"{order.order_id}.{order.status}",
        "source": "/orders",
        "type": f"order.{order.status}.v1",
        "subject": order.order_id,
        "time": order.updated_at,
        "datacontenttype": "application/json",
        "data": {
            "order_id": order.order_id,
            "status": order.status,
            "payment_status": order.payment_status,
            "fulfillment_status": order.fulfillment_status,
            "reason": order.reason,
            "currency": order.currency,
            "total": order.total,
        },
    }
