"""What the world is told: CloudEvents whose ids never change, without customer data.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

import json

import pytest

from lambdas.domain import transitions
from lambdas.domain.events import outcome_event, refund_event
from lambdas.domain.order import TIMELINE_LIMIT, Cancellation, Order, PaymentStatus, Status
from lambdas.domain.refund import RefundLine, RefundStatus
from tests.fakes.orders_made import AT, an_order
from tests.fakes.refunds_made import a_refund

ENDED = "2026-03-15T00:00:00.000Z"
LATER = "2026-03-16T00:00:00.000Z"
WISH = Cancellation(AT, "mistake", "secret-key-digest", "secret-hash")


def claimed() -> Order:
    """An order under a claim, with a reference of its client's."""
    return an_order(status=Status.PROCESSING, claim="c1", reference="for Zoe", cancellation=WISH)


def sold() -> Order:
    """A completed order."""
    return transitions.completed(claimed(), ENDED)


def test_a_cancelled_order_is_told_with_its_reason() -> None:
    order = transitions.cancelled(claimed(), ENDED, payment=PaymentStatus.VOIDED)
    event = outcome_event(order)
    assert event["id"] == f"{order.order_id}.cancelled"
    assert (event["type"], event["time"]) == ("order.cancelled.v1", ENDED)
    assert (event["data"]["reason"], event["data"]["payment_status"]) == ("mistake", "voided")


def test_the_time_of_an_outcome_is_that_of_the_end_whatever_came_after() -> None:
    order = sold()
    first = outcome_event(order)
    for _ in range(TIMELINE_LIMIT):
        order = transitions.refund_requested(order, LATER, 1)
    again = outcome_event(order)
    assert (again["id"], again["time"]) == (first["id"], ENDED)


def test_a_refund_is_told_with_the_order_after_it() -> None:
    order = transitions.refunded(
        transitions.refund_requested(sold(), LATER, 450), LATER, 450, 75, last_step=True
    )
    made = a_refund(
        status=RefundStatus.SUCCEEDED,
        updated_at=LATER,
        lines=(RefundLine(1, 1),),
        restock=True,
        restocked=True,
        psp_reference="re_1",
    )
    event = refund_event(order, made)
    assert event["specversion"] == "1.0"
    assert event["id"] == f"{made.refund_id}.succeeded"
    assert (event["type"], event["subject"], event["time"]) == ("order.refunded.v1", order.order_id, LATER)
    assert event["data"] == {
        "order_id": order.order_id,
        "status": "completed",
        "payment_status": "partially_refunded",
        "fulfillment_status": "shipped",
        "reason": None,
        "currency": "GBP",
        "total": 900,
        "refunded": 450,
        "refund": {
            "refund_id": made.refund_id,
            "amount": 450,
            "reason_code": "returned",
            "restock": True,
        },
    }


@pytest.mark.parametrize(
    "event",
    [
        outcome_event(transitions.cancelled(claimed(), ENDED, payment=PaymentStatus.VOIDED)),
        refund_event(sold(), a_refund(status=RefundStatus.SUCCEEDED)),
    ],
    ids=["cancelled", "refunded"],
)
def test_no_event_holds_customer_data_or_secrets(event: dict[str, object]) -> None:
    text = json.dumps(event)
    assert not any(word in text for word in ("client-1", "Zoe", "pm_", "TEA", "secret", "re_1"))
