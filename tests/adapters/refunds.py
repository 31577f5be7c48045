"""Refunds as the tests of the payment adapter ask for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import RefundId
from lambdas.domain.money import Money
from lambdas.domain.payment import ProviderRefund, RefundRequest, RefundState
from tests.adapters.endpoints import http_answer
from tests.adapters.payments import AMOUNT, ORDER_ID

if TYPE_CHECKING:
    from orders.local.standins.remote import RemoteControl

REFUND_ID: Final = RefundId("ref_" + "a" * 26)
PART: Final = Money(500, "GBP")
NOTHING_FOUND: Final = http_answer(200, b'{"object":"list","data":[],"has_more":false,"url":"/v1/refunds"}')
REST: Final = Money(AMOUNT.minor - PART.minor, "GBP")


def asked(intent_id: str, amount: Money = AMOUNT) -> RefundRequest:
    """Ask for an amount of a payment back."""
    return RefundRequest(ORDER_ID, REFUND_ID, intent_id, amount, "customer_request", 0)


def refused(amount: Money, code: str) -> ProviderRefund:
    """What the adapter makes of a business refusal."""
    return ProviderRefund("", RefundState.FAILED, amount, code)


def refunded(control: RemoteControl) -> int:
    """What went back in all."""
    total: int = control.call("GET", "intents")["totals"]["gbp"]["refunded"]
    return total


def error_of(status: int, **facts: str) -> bytes:
    """An error in Stripe's form."""
    error = {"type": "invalid_request_error", "message": "no", **facts}
    return http_answer(status, json.dumps({"error": error}).encode())
