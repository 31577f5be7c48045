"""Sold orders and their refunds, brought to the step that a test is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.refund import Refund
    from tests.fakes.pipeline import Pipeline

CLAIM = "refund-execution-1"


def sold(pipeline: Pipeline, key: str = "key-1", **quantities: int) -> OrderId:
    """A completed order (of two TEA for 9.00 by default), with nothing on the queue."""
    order_id = pipeline.accept(key, goods=quantities or {"TEA": 2})
    pipeline.bring_to("publish", order_id, "sale")
    pipeline.queue.sent.clear()
    return order_id


def claimed(pipeline: Pipeline, order_id: OrderId, key: str = "refund-1", **wish: Any) -> RefundId:
    """A refund that was asked for and whose order is claimed for it."""
    refund_id = pipeline.ask_refund(order_id, key, **wish)
    pipeline.claim_refund(order_id, refund_id, CLAIM)
    return refund_id


def stored(pipeline: Pipeline, refund_id: RefundId) -> Refund:
    """The refund as it lies in the store."""
    return pipeline.refunds.stored[refund_id]
