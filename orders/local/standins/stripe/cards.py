"""Stripe's test payment methods and how each behaves.

Source: https://docs.stripe.com/testing (tables "cards by brand", "declined payments",
"authentication", "disputes"). There, `pm_card_visa_chargeDeclined…` and `pm_card_chargeDeclined…`
name the same cards; expired card, incorrect CVC and processing error have no decline code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """How an attempt fails: the error's code, the issuer's decline code, the message."""

    code: str
    decline_code: str | None
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A test card."""

    brand: str
    last4: str
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None
    needs_authentication: bool = False
    disputed: bool = False
    available_at_once: bool = False


DECLINED = "Your card was declined."
DECLINES = {
    "": ("0002", Decline("card_declined", "generic_decline", DECLINED)),
    "InsufficientFunds": (
        "9995",
        Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    ),
    "LostCard": ("9987", Decline("card_declined", "lost_card", DECLINED)),
    "StolenCard": ("9979", Decline("card_declined", "stolen_card", DECLINED)),
    "Fraudulent": ("0019", Decline("card_declined", "fraudulent", DECLINED)),
    "VelocityLimitExceeded": ("6975", Decline("card_declined", "card_velocity_exceeded", DECLINED)),
    "ExpiredCard": ("0069", Decline("expired_card", None, "Your card has expired.", "exp_month")),
    "IncorrectCvc": (
        "0127",
        Decline("incorrect_cvc", None, "Your card's security code is incorrect.", "cvc"),
    ),
    "ProcessingError": (
        "0119",
        Decline(
            "processing_error",
            None,
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
}
# An attempt off session: https://docs.stripe.com/payments/save-and-reuse. Seen in stripe-go #956.
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
# With `error_on_requires_action`: https://docs.stripe.com/payments/without-card-authentication
# gives the decline code; the code is the same as off session.
AUTHENTICATION_NOT_HANDLED = Decline(
    "authentication_required", "authentication_not_handled", AUTHENTICATION_REQUIRED.message
)

CARDS: dict[str, Card] = {
    "pm_card_visa": Card("visa", "4242"),
    "pm_card_visa_debit": Card("visa", "5556", funding="debit"),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_mastercard_debit": Card("mastercard", "8210", funding="debit"),
    "pm_card_mastercard_prepaid": Card("mastercard", "5100", funding="prepaid"),
    "pm_card_amex": Card("amex", "8431"),
    "pm_card_discover": Card("discover", "1117"),
    "pm_card_diners": Card("diners", "0004"),
    "pm_card_jcb": Card("jcb", "0505", country="JP"),
    "pm_card_unionpay": Card("unionpay", "0005", country="CN"),
    "pm_card_gb": Card("visa", "0000", country="GB"),
    "pm_card_de": Card("visa", "0003", country="DE"),
    "pm_card_fr": Card("visa", "0003", country="FR"),
    "pm_card_authenticationRequired": Card("visa", "3184", needs_authentication=True),
    "pm_card_threeDSecure2Required": Card("visa", "3220", needs_authentication=True),
    "pm_card_createDispute": Card("visa", "0259", disputed=True),
    "pm_card_bypassPending": Card("visa", "0077", available_at_once=True),
} | {
    f"pm_card_{brand}chargeDeclined{name}": Card("visa", last4, decline=decline)
    for brand in ("", "visa_")
    for name, (last4, decline) in DECLINES.items()
}
