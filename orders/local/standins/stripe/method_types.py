"""Which kinds of payment method an intent takes, and what that asks of its confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.stripe.errors import invalid, refused, unexpected_state
from orders.local.standins.stripe.objects import visible

if TYPE_CHECKING:
    from orders.local.standins.messages import Json

ALLOWED_TYPES = "allowed_payment_method_types"
EXCLUSIVE_WITH_ALLOWED = (
    "automatic_payment_methods", "excluded_payment_method_types", "payment_method_configuration",
)  # fmt: skip


def automatic_methods(params: Json) -> Json | None:
    """Automatic payment methods are on unless types are named (API 2023-08-16 and later)."""
    given: Json | None = params.get("automatic_payment_methods")
    if given is None:
        return None if ALLOWED_TYPES in params else {"allow_redirects": "always", "enabled": True}
    return {"allow_redirects": "always"} | given if given["enabled"] else None


def method_types(params: Json) -> list[str]:
    """The types this intent takes; of those allowed, the stand-in keeps what it knows: cards.

    Source: https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter.
    """
    for other in EXCLUSIVE_WITH_ALLOWED:
        if ALLOWED_TYPES in params and other in params:
            raise invalid(
                f"You may only specify one of these parameters: {ALLOWED_TYPES}, {other}.",
                param=ALLOWED_TYPES,
            )
    types = [kind for kind in params.get(ALLOWED_TYPES, ["card"]) if kind == "card"]
    if not types:
        raise invalid("This stand-in knows card payments only.", param=ALLOWED_TYPES)
    return types


def check_confirmable(intent: Json, params: Json) -> None:
    """Whether an intent with these parameters can be attempted.

    Raises:
        ApiError: 400 without a payment method; without a `return_url` where a method could redirect;
            with `error_on_requires_action` where other methods than cards are possible.
    """
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You "
            "can either update the PaymentIntent with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method or ConfirmationToken.",
            visible(intent),
        )
    automatic = intent["automatic_payment_methods"]
    if automatic is None:
        return
    # Both rules: https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods.
    if params.get("error_on_requires_action"):
        raise refused(
            "You cannot use `error_on_requires_action` with automatic payment methods. Limit "
            f"the types with `{ALLOWED_TYPES}` instead.",
            param="error_on_requires_action",
        )
    redirects = automatic["allow_redirects"] != "never" and not params.get("off_session")
    if redirects and "return_url" not in params:
        raise refused(
            "This PaymentIntent is configured to accept payment methods enabled in your "
            "Dashboard. Because some of these payment methods might redirect your customer off "
            "of your page, you must provide a `return_url`. If you don't want to accept "
            "redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating "
            "Setup Intents and Payment Intents."
        )
