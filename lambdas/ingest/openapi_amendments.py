"""The OpenAPI description of cancellations and refunds."""

from __future__ import annotations

from typing import Final

from lambdas.domain.cancellation import CANCEL_CODES
from lambdas.domain.order import CancellationStatus
from lambdas.domain.refund import REASON_CODES, RefundStatus
from lambdas.domain.submission import MAX_LINES, MAX_QUANTITY
from lambdas.ingest.openapi_parts import (
    KEYED_POST_ERRORS,
    MINOR,
    NULLABLE_TEXT,
    ORDER_ID,
    REFUND_ID,
    TIME,
    Schema,
    errors,
    idempotency_key,
    json_of,
    order_link,
    path_parameter,
    taken,
)

_CANCEL_ERRORS: Final = KEYED_POST_ERRORS | {
    "not_found",
    "use_refund",
    "already_ended",
    "invalid_cancellation",
}
_REFUND_ERRORS: Final = KEYED_POST_ERRORS | {
    "scope_required",
    "not_found",
    "not_refundable",
    "invalid_refund",
}
_CANCELLATION_LINKS: Final[Schema] = {"follow": order_link("getOrder", "Whether it was in time")}
_REFUND_LINKS: Final[Schema] = {
    "follow": order_link("getRefund", "What became of it", refund_id="$response.body#/refund_id"),
    "listRefunds": order_link("listRefunds", "All refunds of the order"),
}
_REFUND_EXAMPLES: Final[Schema] = {
    "everything": {"reason_code": "returned", "restock": True},
    "amount": {"reason_code": "goodwill", "amount": 100},
    "lines": {"reason_code": "damaged", "lines": [{"line": 1, "quantity": 1}]},
}
_READ_ERRORS: Final = frozenset({"unauthenticated", "not_found", "internal_error", "unavailable"})


def amendment_paths() -> Schema:
    """Describe the routes."""
    refunds = "/v1/orders/{order_id}/refunds"
    return {
        "/v1/orders/{order_id}/cancel": {"post": _cancel()},
        refunds: {"post": _refund(), "get": _list()},
        f"{refunds}/{{refund_id}}": {"get": _get()},
    }


def amendment_schemas() -> Schema:
    """Describe the bodies."""
    return {
        "CancelRequest": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"reason_code": {"enum": [*CANCEL_CODES, None], "default": CANCEL_CODES[0]}},
        },
        "Cancellation": {
            "type": "object",
            "required": ["order_id", "status", "reason_code", "requested_at"],
            "properties": {
                "order_id": ORDER_ID,
                "status": {"const": CancellationStatus.REQUESTED},
                "reason_code": {"enum": list(CANCEL_CODES)},
                "requested_at": TIME,
            },
        },
        "RefundRequest": _refund_request(),
        "Refund": _refund_schema(),
    }


def cancellation_on_order() -> Schema:
    """Describe what an order shows of its cancellation."""
    properties = {
        "status": {"enum": list(CancellationStatus)},
        "reason_code": {"enum": list(CANCEL_CODES)},
        "requested_at": TIME,
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _cancel() -> Schema:
    return {
        "operationId": "cancelOrder",
        "summary": "End an order before it is shipped",
        "description": "Whether it was in time is on the order, as `cancellation.status`: done or refused.",
        "parameters": [path_parameter("order_id", ORDER_ID), idempotency_key("cancellation")],
        "requestBody": {
            "required": False,
            "content": json_of("CancelRequest", {"byMistake": {"reason_code": "mistake"}}),
        },
        "responses": {
            "202": taken(
                "The order will end unless it is shipped first", "Cancellation", _CANCELLATION_LINKS
            ),
            **errors(_CANCEL_ERRORS),
        },
    }


def _refund() -> Schema:
    return {
        "operationId": "refundOrder",
        "summary": "Give money of a completed order back; needs the scope orders:refund",
        "description": "By amount, by lines, or (with neither) all that is left of what was captured.",
        "parameters": [path_parameter("order_id", ORDER_ID), idempotency_key("refund")],
        "requestBody": {"required": True, "content": json_of("RefundRequest", _REFUND_EXAMPLES)},
        "responses": {
            "202": taken(
                "Accepted, and its amount reserved; the refund as it stood then", "Refund", _REFUND_LINKS
            ),
            **errors(_REFUND_ERRORS),
        },
    }


def _list() -> Schema:
    content: Schema = {
        "type": "object",
        "required": ["refunds"],
        "properties": {"refunds": {"type": "array", "items": {"$ref": "#/components/schemas/Refund"}}},
    }
    return {
        "operationId": "listRefunds",
        "summary": "List an order's refunds, oldest first",
        "parameters": [path_parameter("order_id", ORDER_ID)],
        "responses": {
            "200": {"description": "All of them", "content": {"application/json": {"schema": content}}},
            **errors(_READ_ERRORS),
        },
    }


def _get() -> Schema:
    return {
        "operationId": "getRefund",
        "summary": "Show a refund",
        "parameters": [path_parameter("order_id", ORDER_ID), path_parameter("refund_id", REFUND_ID)],
        "responses": {
            "200": {"description": "The refund", "content": json_of("Refund")},
            **errors(_READ_ERRORS),
        },
    }


def _refund_request() -> Schema:
    line: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["line", "quantity"],
        "properties": {
            "line": {"type": "integer", "minimum": 1, "maximum": MAX_LINES},
            "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
        },
    }
    by_amount = {"amount": {"type": "integer"}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["reason_code"],
        "properties": {
            "reason_code": {"enum": list(REASON_CODES)},
            "amount": {**MINOR, "minimum": 1},
            "lines": {"type": "array", "minItems": 1, "maxItems": MAX_LINES, "items": line},
            "restock": {
                "type": ["boolean", "null"],
                "default": False,
                "description": "Put the goods of the lines back on sale; an amount has none",
            },
        },
        "not": {
            "anyOf": [
                {"required": ["amount", "lines"], "properties": {**by_amount, "lines": {"type": "array"}}},
                {"required": ["amount", "restock"], "properties": {**by_amount, "restock": {"const": True}}},
            ]
        },
    }


def _refund_schema() -> Schema:
    line: Schema = {
        "type": "object",
        "required": ["line", "sku", "quantity"],
        "properties": {
            "line": {"type": "integer"},
            "sku": {"type": "string"},
            "quantity": {"type": "integer"},
        },
    }
    properties = {
        "refund_id": REFUND_ID,
        "order_id": ORDER_ID,
        "status": {"enum": list(RefundStatus)},
        "amount": MINOR,
        "currency": {"type": "string"},
        "lines": {"type": "array", "items": line},
        "reason_code": {"enum": list(REASON_CODES)},
        "restock": {"type": "boolean"},
        "restocked": {"type": "boolean"},
        "failure": NULLABLE_TEXT,
        "requested_at": TIME,
        "updated_at": TIME,
    }
    return {"type": "object", "required": list(properties), "properties": properties}
