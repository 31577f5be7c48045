"""The payment provider's stand-in: Stripe's v1 API, as far as the pipeline uses it."""

from orders.local.standins.stripe.provider import PaymentStandIn

__all__ = ["PaymentStandIn"]
