"""New objects with all the fields that the library knows, and how objects are shown.

Field lists: the classes of the library (`stripe.PaymentIntent`, `stripe.Charge`, …), API version
2026-10-28. Fields that this stand-in never fills are null, as Stripe sends them.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from orders.local.standins.stripe.errors import invalid
from orders.local.standins.stripe.storage import kind_of, new_id

if TYPE_CHECKING:
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.cards import Card
    from orders.local.standins.stripe.storage import Store

LARGEST_EXPANSION = 4  # levels; https://docs.stripe.com/api/expanding_objects


def new_intent(params: Json, currency: str, method_types: list[str], created: int) -> Json:
    """An unconfirmed PaymentIntent without a payment method."""
    intent_id = new_id("payment_intent")
    automatic = params.get("automatic_payment_methods")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{secrets.token_hex(12)}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": created,
        "currency": currency,
        "customer": params.get("customer"),
        "description": params.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": params.get("payment_method_options") or {},
        "payment_method_types": method_types,
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": params.get("shipping"),
        "source": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": params.get("transfer_group"),
    }


def new_payment_method(name: str, card: Card, created: int) -> Json:
    """A PaymentMethod made of a test card; Stripe makes a new one at every use of its name."""
    return {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": _no_billing_details(),
        "card": {
            "brand": card.brand,
            "country": card.country,
            "exp_month": 12,
            "exp_year": 2034,
            "funding": card.funding,
            "last4": card.last4,
        },
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_card": name,
    }


def new_charge(intent: Json, method: Json, created: int, capture_before: int | None) -> Json:
    """A successful, uncaptured charge of the intent's whole amount."""
    card = {key: method["card"][key] for key in ("brand", "country", "funding", "last4")}
    if capture_before is not None:
        card["capture_before"] = capture_before
    return {
        "id": new_id("charge"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": _no_billing_details(),
        "captured": False,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {"network_status": "approved_by_network", "type": "authorized"},
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": "card", "card": card},
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def new_refund(charge: Json, amount: int, params: Json, created: int) -> Json:
    """A refund that succeeded."""
    return {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def new_payout(amount: int, currency: str, created: int) -> Json:
    """An automatic payout that has arrived."""
    return {
        "id": new_id("payout"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": created,
        "automatic": True,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "paid",
        "type": "bank_account",
    }


def merge_metadata(present: dict[str, str], change: dict[str, str] | str) -> dict[str, str]:
    """Stripe's merge: an empty value unsets its key, an empty string unsets all."""
    if isinstance(change, str):
        return {}
    return {key: value for key, value in (present | change).items() if value}


def visible(body: Json) -> Json:
    """The object without the stand-in's notes."""
    return {name: value for name, value in body.items() if not name.startswith("_")}


def expand(body: Json, paths: list[str], store: Store) -> Json:
    """Replace ids by their objects, e.g. `latest_charge.balance_transaction`.

    Raises:
        ApiError: 400 for a name that cannot be expanded.
    """
    for path in paths:
        names = path.split(".")
        if len(names) > LARGEST_EXPANSION:
            raise invalid("You cannot expand more than 4 levels of a property", param="expand")
        _expand(body, names, path, store)
    return body


def _expand(body: Json, names: list[str], path: str, store: Store) -> None:
    name, rest = names[0], names[1:]
    if name not in body:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    value = body[name]
    if isinstance(value, str):
        kind = kind_of(value)
        found = store.find(kind, value) if kind else None
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        value = body[name] = visible(found)
    for item in value if isinstance(value, list) else [value]:
        if rest and isinstance(item, dict):
            _expand(item, rest, path, store)


def _no_billing_details() -> Json:
    return {"address": None, "email": None, "name": None, "phone": None}
