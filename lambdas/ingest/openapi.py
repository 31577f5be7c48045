"""The OpenAPI 3.1 document of the API, built from the constants that the code itself obeys."""

from __future__ import annotations

from typing import Final

from lambdas.domain.order import TIMELINE_LIMIT, FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.submission import MAX_LINES, MAX_QUANTITY, MAX_REFERENCE
from lambdas.ingest.limits import DEFAULT_PAGE, MAX_PAGE
from lambdas.ingest.openapi_amendments import amendment_paths, amendment_schemas, cancellation_on_order
from lambdas.ingest.openapi_parts import (
    KEYED_POST_ERRORS,
    MINOR,
    NULLABLE_TEXT,
    TIME,
    Schema,
    errors,
    idempotency_key,
    json_of,
    path_parameter,
    taken,
)
from lambdas.ingest.responses import ERRORS

_POST_ERRORS: Final = KEYED_POST_ERRORS | {"invalid_order"}
_GET_ERRORS: Final = frozenset({"unauthenticated", "not_found", "internal_error", "unavailable"})
_LIST_ERRORS: Final = (_GET_ERRORS | {"invalid_cursor", "invalid_limit"}) - {"not_found"}


def openapi_document() -> Schema:
    """Describe every route, status and code of the API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Orders",
            "version": "1.0.0",
            "description": "Submit orders once and follow them. Amounts are integers of minor units.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/orders": {"post": _post(), "get": _list()},
            "/v1/orders/{order_id}": {"get": _get()},
            **amendment_paths(),
            "/v1/openapi.json": {"get": _self()},
        },
        "components": {
            "schemas": {
                "OrderRequest": _order_request(),
                "OrderSummary": _summary(),
                "Order": _order(),
                "Problem": _problem(),
                **amendment_schemas(),
            }
        },
    }


def _post() -> Schema:
    return {
        "operationId": "submitOrder",
        "summary": "Submit an order, once per key",
        "parameters": [idempotency_key("order")],
        "requestBody": {"required": True, "content": json_of("OrderRequest")},
        "responses": {
            "202": taken("Accepted; the order as it stood then", "Order"),
            **errors(_POST_ERRORS),
        },
    }


def _list() -> Schema:
    page: Schema = {
        "type": "object",
        "required": ["orders", "next_cursor"],
        "properties": {
            "orders": {"type": "array", "items": {"$ref": "#/components/schemas/OrderSummary"}},
            "next_cursor": NULLABLE_TEXT,
        },
    }
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE}
    return {
        "operationId": "listOrders",
        "summary": "List your orders, newest first",
        "parameters": [
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "schema": limit},
        ],
        "responses": {
            "200": {"description": "A page", "content": {"application/json": {"schema": page}}},
            **errors(_LIST_ERRORS),
        },
    }


def _get() -> Schema:
    return {
        "operationId": "getOrder",
        "summary": "Show one of your orders",
        "parameters": [path_parameter("order_id")],
        "responses": {
            "200": {"description": "The order", "content": json_of("Order")},
            **errors(_GET_ERRORS),
        },
    }


def _self() -> Schema:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "getDescription",
        "summary": "This document",
        "responses": {"200": {"description": "OpenAPI 3.1", "content": content}},
    }


def _order_request() -> Schema:
    line: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["sku", "quantity"],
        "properties": {
            "sku": {"type": "string", "minLength": 1, "maxLength": 64},
            "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
            "price_id": {
                "type": "string",
                "description": "A price point of the product; any but `list` needs the scope orders:price",
            },
        },
    }
    token = {"type": "string", "pattern": "^pm_[A-Za-z0-9_]{1,100}$"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["currency", "lines"],
        "properties": {
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "lines": {"type": "array", "minItems": 1, "maxItems": MAX_LINES, "items": line},
            "payment_method": {**token, "description": "Required unless the total is zero"},
            "total": {**MINOR, "description": "Checked against the server's total when it is given"},
            "reference": {"type": "string", "minLength": 1, "maxLength": MAX_REFERENCE},
        },
    }


def _summary() -> Schema:
    properties = {
        "order_id": {"type": "string", "pattern": "^ord_[a-z2-7]{26}$"},
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


def _order() -> Schema:
    summary = _summary()
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


def _problem() -> Schema:
    error = {
        "type": "object",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "JSON Pointer (RFC 6901) into the request's body"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        },
    }
    properties = {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": list(ERRORS)},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later"},
        "request_id": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": error},
    }
    required = ["type", "title", "status", "code", "retryable", "request_id"]
    return {"type": "object", "required": required, "properties": properties}
