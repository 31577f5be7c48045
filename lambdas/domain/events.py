"""Outcome events: what the pipeline tells the world when an order ends.

The detail is a CloudEvent 1.0 in its JSON format (https://github.com/cloudevents/spec). Its id is derived
from the order and the outcome, so that a consumer can drop the repeats of at-least-once delivery. Each type
has a schema in docs/events, which the contract tests hold against what is made here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas.domain.order import PaymentStatus, Status

if TYPE_CHECKING:
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund


def outcome_event(order: Order) -> dict[str, Any]:
    """Describe a terminal order as it ended: ids, states and money, no customer data.

    A repeat says the same, also after a refund, which is told of by an event of its own.
    """
    if order.status is Status.COMPLETED and order.total:
        order = replace(order, payment_status=PaymentStatus.CAPTURED)
    ends = (event.at for event in reversed(order.timeline) if event.name == order.status)
    return _event(f"{order.order_id}.{order.status}", str(order.status), next(ends, order.updated_at), order)


def refund_event(order: Order, refund: Refund) -> dict[str, Any]:
    """Describe a refund that succeeded, and the order after it; a repeat may know of later refunds."""
    event = _event(f"{refund.refund_id}.{refund.status}", "refunded", refund.updated_at, order)
    event["data"]["refund"] = {
        "refund_id": refund.refund_id,
        "amount": refund.amount,
        "reason_code": refund.reason_code,
        "restock": refund.restock,
    }
    event["data"]["refunded"] = order.refunds.refunded
    return event


def _event(id_: str, name: str, at: str, order: Order) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/orders",
        "type": f"order.{name}.v1",
        "subject": order.order_id,
        "time": at,
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
