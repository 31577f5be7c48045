"""Sold orders and their refunds, in the states from which the tests start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas.domain.identifiers import RefundId, refund_id_for
from lambdas.domain.ledger import JournalEntry, refund_entry
from lambdas.domain.refund import Refund, RefundStatus
from lambdas.domain.transitions import completed, refund_requested, refunded
from tests.adapters.examples import (
    CLAIM,
    CLAIM_SECONDS,
    CLAIMED_AT_EPOCH,
    CLIENT,
    LATER,
    MUCH_LATER,
    an_order,
    claimed,
    stored,
)

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.adapters.dynamodb.refunds import DynamoRefunds
    from lambdas.domain.order import Line, Order

SALE = "ord_a-sale-1"
ASKED_AT = "2026-11-20T10:30:00.000Z"
HOUR = 3600
INTENT = "pi_3QLkyZ2eZvKYlo2C1abcDEFg"


def a_refund(key: str = "refund-1", **changes: Any) -> Refund:
    """A refund of 10.00 of `an_order()`, just requested; `changes` are fields of `Refund`."""
    order_id = changes.get("order_id", an_order().order_id)
    values: dict[str, Any] = {
        "refund_id": RefundId(refund_id_for(order_id, CLIENT, key)),
        "order_id": order_id,
        "amount": 1000,
        "currency": "GBP",
        "reason_code": "returned",
        "restock": False,
        "request_hash": "f" * 32,
        "requested_at": ASKED_AT,
        "updated_at": ASKED_AT,
    }
    return Refund(**{**values, **changes})


def sold(orders: DynamoOrderStore, *, lines: tuple[Line, ...] | None = None) -> Order:
    """Write an order, sell it, and return its head."""
    order = claimed(orders, an_order(lines=lines) if lines else an_order(), SALE)
    orders.save(completed(replace(order, payment_intent=INTENT), LATER), SALE)
    return stored(orders, order)


def requested(orders: DynamoOrderStore, refunds: DynamoRefunds, refund: Refund) -> Order:
    """Ask for a refund of a sold order; return the head after it."""
    head = stored(orders, an_order())
    assert refunds.request(refund_requested(head, ASKED_AT, refund.amount), refund)
    return stored(orders, head)


def claim_sold(orders: DynamoOrderStore, order: Order, claim: str = CLAIM, at: str = MUCH_LATER) -> Order:
    """Claim a completed order for four minutes from `MUCH_LATER` on."""
    return orders.claim_completed(order.order_id, claim, CLAIMED_AT_EPOCH + HOUR + CLAIM_SECONDS, at)


def succeeded(refund: Refund, at: str = MUCH_LATER) -> Refund:
    """The refund once the provider has given the money back."""
    reference = "re_3QLkyZ2eZvKYlo2C1abcDEFg"
    return replace(refund, status=RefundStatus.SUCCEEDED, psp_reference=reference, updated_at=at)


def booking(order: Order, refund: Refund, tax: int = 167) -> tuple[Order, JournalEntry, Refund]:
    """What is written together when the provider has given a refund's money back."""
    done = succeeded(refund)
    after = refunded(order, MUCH_LATER, refund.amount, tax, last_step=done.finished)
    return after, refund_entry(order, done, tax, MUCH_LATER, "re_1"), done
