"""The OpenAPI description of orders, from the forms and limits that the code itself obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.domain.money import MINOR_DIGITS
from lambdas.domain.order import TIMELINE_LIMIT, FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.submission import (
    MAX_LINES,
    MAX_QUANTITY,
    MAX_REFERENCE,
    PAYMENT_METHOD,
    PRICE_ID,
    REFERENCE,
    SKU,
    UNSUPPORTED_CURRENCIES,
)
from lambdas.ingest.openapi_amendments import cancellation_on_order
from lambdas.ingest.openapi_parts import MINOR, NULLABLE_TEXT, ORDER_ID, TIME, Schema

if TYPE_CHECKING:
    import re


def _whole(form: re.Pattern[str]) -> str:
    return f"^{form.pattern}$"


def order_request() -> Schema:
    """Describe the body that submits an order."""
    line: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["sku", "quantity"],
        "properties": {
            "sku": {"type": "string", "pattern": _whole(SKU)},
            "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
            "price_id": {
                "type": ["string", "null"],
                "pattern": _whole(PRICE_ID),
                "description": "A price point of the product; any but `list` needs the scope orders:price",
            },
        },
    }
    currencies = sorted(MINOR_DIGITS.keys() - UNSUPPORTED_CURRENCIES)
    token = {"type": ["string", "null"], "pattern": _whole(PAYMENT_METHOD)}
    reference = {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": MAX_REFERENCE,
        "pattern": _whole(REFERENCE),
        "description": "Your own name for it; a card number is refused",
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["currency", "lines"],
        "properties": {
            "currency": {"enum": currencies},
            "lines": {"type": "array", "minItems": 1, "maxItems": MAX_LINES, "items": line},
            "payment_method": {**token, "description": "Required unless the total is zero"},
            "total": {
                **MINOR,
                "type": ["integer", "null"],
                "description": "Checked against the server's total when it is given",
            },
            "reference": reference,
        },
    }


def order_summary() -> Schema:
    """Describe an order in a list."""
    properties = {
        "order_id": ORDER_ID,
        "status": {"enum": list(Status)},
        "payment_status": {"enum": list(PaymentStatus)},
        "fulfillment_status": {"enum": list(FulfillmentStatus)},
        "reason": NULLABLE_TEXT,
        "currency": {"type": "string"},
        "total": MINOR,
        "tax": MINOR,
        "refunded": {**MINOR, "description": "Refunded and booked"},
        "refund_pending": {**MINOR, "description": "Of refunds that are accepted and not decided"},
        "cancellation": {"oneOf": [{"type": "null"}, cancellation_on_order()]},
        "reference": NULLABLE_TEXT,
        "accepted_at": TIME,
        "updated_at": TIME,
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def order() -> Schema:
    """Describe an order with its lines and timeline."""
    summary = order_summary()
    event = {
        "type": "object",
        "required": ["at", "event"],
        "properties": {"at": TIME, "event": {"type": "string"}},
    }
    line_properties: Schema = {
        "line": {"type": "integer", "minimum": 1, "description": "The line's number, for refunds"},
        "sku": {"type": "string"},
        "quantity": {"type": "integer"},
        "price_id": {"type": "string"},
        "unit_price": MINOR,
        "tax_rate": {"type": "integer", "description": "Basis points; the prices include the tax"},
        "total": MINOR,
    }
    line = {"type": "object", "required": list(line_properties), "properties": line_properties}
    properties = {
        **summary["properties"],
        "timeline": {"type": "array", "maxItems": TIMELINE_LIMIT, "items": event},
        "lines": {"type": "array", "items": line},
    }
    return {"type": "object", "required": list(properties), "properties": properties}
