"""The payment adapter as the tests use it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import urllib3

from lambdas.adapters.secrets import CachedSecret
from lambdas.adapters.stripe_api import PooledHttpClient, StripeApi
from lambdas.adapters.stripe_payments import StripePayments
from lambdas.domain.money import Money
from lambdas.domain.payment import IntentRequest
from tests.adapters.examples import an_order

if TYPE_CHECKING:
    from collections.abc import Sequence

API_KEY: Final = "sk_test_51SecretOfTheShop"
PAYMENT_METHOD: Final = "pm_card_visa"
ORDER_ID: Final = an_order().order_id
AMOUNT: Final = Money(3300, "GBP")
REQUEST: Final = IntentRequest(ORDER_ID, AMOUNT, PAYMENT_METHOD, 0)


class Vault:
    """A Secrets Manager that gives these values one after the other, the last one again and again."""

    def __init__(self, *values: str) -> None:
        self._values: Sequence[str] = values
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        assert SecretId
        self.reads += 1
        return {"SecretString": self._values[min(self.reads, len(self._values)) - 1]}


def secret_of(*values: str) -> CachedSecret:
    """A secret that is rotated at each read."""
    return CachedSecret(Vault(*values), "orders/local/payment")


def payments_at(url: str, secret: CachedSecret | None = None, *, patience: float = 60.0) -> StripePayments:
    """The adapter with a pool that waits that many seconds, by default longer than a busy machine takes."""
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=patience), retries=False)
    return StripePayments(StripeApi(secret or secret_of(API_KEY), url, PooledHttpClient(pool)))


def captured(payments: StripePayments, amount: Money = AMOUNT) -> str:
    """Take the money of a payment of its own and return its id."""
    intent_id = create(payments, replace(REQUEST, amount=amount))
    payments.confirm(ORDER_ID, intent_id, 0)
    return payments.capture(ORDER_ID, intent_id, amount, 0).intent_id


def create(payments: StripePayments, request: IntentRequest = REQUEST) -> str:
    """Create a payment and return its id."""
    return payments.create(request).intent_id
