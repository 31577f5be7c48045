"""Payments in the states from which the tests start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe


def created(
    client: stripe.StripeClient,
    *,
    amount: int = 2000,
    currency: str = "usd",
    method: str | None = "pm_card_visa",
    order_id: str = "ord_1",
) -> stripe.PaymentIntent:
    """An unconfirmed intent with manual capture, as the pipeline makes it."""
    params: stripe.params.PaymentIntentCreateParams = {
        "amount": amount,
        "currency": currency,
        "capture_method": "manual",
        "allowed_payment_method_types": ["card"],
        "metadata": {"order_id": order_id},
    }
    if method is not None:
        params["payment_method"] = method
    return client.v1.payment_intents.create(params)


def authorised(
    client: stripe.StripeClient,
    *,
    amount: int = 2000,
    currency: str = "usd",
    method: str = "pm_card_visa",
    order_id: str = "ord_1",
) -> stripe.PaymentIntent:
    """An intent in `requires_capture`."""
    intent = created(client, amount=amount, currency=currency, method=method, order_id=order_id)
    return client.v1.payment_intents.confirm(intent.id)


def captured(
    client: stripe.StripeClient,
    *,
    amount: int = 2000,
    currency: str = "usd",
    method: str = "pm_card_visa",
    order_id: str = "ord_1",
) -> stripe.PaymentIntent:
    """An intent in `succeeded`."""
    intent = authorised(client, amount=amount, currency=currency, method=method, order_id=order_id)
    return client.v1.payment_intents.capture(intent.id)


def charge_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    """The latest charge."""
    return client.v1.charges.retrieve(str(intent.latest_charge))


def movements(client: stripe.StripeClient) -> list[tuple[str, int, int, int]]:
    """All balance transactions, oldest first: category, amount, fee, net."""
    listed = client.v1.balance_transactions.list({"limit": 100})
    return [(t.reporting_category, t.amount, t.fee, t.net) for t in reversed(listed.data)]
