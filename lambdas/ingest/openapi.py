"""The OpenAPI 3.1 document of the API, built from the constants that the code itself obeys."""

from __future__ import annotations

from typing import Any, Final

from lambdas.domain.order import TIMELINE_LIMIT, FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.submission import MAX_LINES, MAX_QUANTITY, MAX_REFERENCE, MAX_TOTAL
from lambdas.ingest.idempotency_key import MAX_LENGTH
from lambdas.ingest.limits import DEFAULT_PAGE, MAX_PAGE
from lambdas.ingest.responses import ERRORS

Schema = dict[str, Any]

_MINOR: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_TOTAL}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_NULLABLE_TEXT: Final[Schema] = {"type": ["string", "null"]}
_POST_ERRORS: Final = frozenset(ERRORS) - {"not_found", "invalid_cursor", "invalid_limit"}
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
            "/v1/openapi.json": {"get": _self()},
        },
        "components": {
            "schemas": {
                "OrderRequest": _order_request(),
                "OrderSummary": _summary(),
                "Order": _order(),
                "Problem": _problem(),
            }
        },
    }


def _post() -> Schema:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Names this order for ever; quoted (RFC 8941) or bare.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
    }
    headers = {
        "Location": {"schema": {"type": "string"}, "description": "The order's path"},
        "Retry-After": {"schema": {"type": "string"}, "description": "Seconds until it is worth a look"},
        "Idempotent-Replayed": {
            "schema": {"const": "true"},
            "description": "Set when this key's first answer is given again",
        },
    }
    return {
        "operationId": "submitOrder",
        "summary": "Submit an order, once per key",
        "parameters": [key],
        "requestBody": {"required": True, "content": _json("#/components/schemas/OrderRequest")},
        "responses": {
            "202": {
                "description": "Accepted; the order as it stood then",
                "headers": headers,
                "content": _json("#/components/schemas/Order"),
            },
            **_errors(_POST_ERRORS),
        },
    }


def _list() -> Schema:
    page: Schema = {
        "type": "object",
        "required": ["orders", "next_cursor"],
        "properties": {
            "orders": {"type": "array", "items": {"$ref": "#/components/schemas/OrderSummary"}},
            "next_cursor": _NULLABLE_TEXT,
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
            **_errors(_LIST_ERRORS),
        },
    }


def _get() -> Schema:
    parameter = {"name": "order_id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "operationId": "getOrder",
        "summary": "Show one of your orders",
        "parameters": [parameter],
        "responses": {
            "200": {"description": "The order", "content": _json("#/components/schemas/Order")},
            **_errors(_GET_ERRORS),
        },
    }


def _self() -> Schema:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "getDescription",
        "summary": "This document",
        "responses": {"200": {"description": "OpenAPI 3.1", "content": content}},
    }


def _json(reference: str) -> Schema:
    return {"application/json": {"schema": {"$ref": reference}}}


def _errors(codes: frozenset[str]) -> Schema:
    """Group the codes by status: one response each, as OpenAPI wants it."""
    by_status: dict[int, list[str]] = {}
    for code, (status, _, _) in ERRORS.items():
        if code in codes:
            by_status.setdefault(status, []).append(code)
    problem = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {
            "description": " or ".join(f"`{code}`" for code in names),
            "content": {"application/problem+json": {"schema": problem}},
        }
        for status, names in by_status.items()
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
            "total": {**_MINOR, "description": "Checked against the server's total when it is given"},
            "reference": {"type": "string", "minLength": 1, "maxLength": MAX_REFERENCE},
        },
    }


def _summary() -> Schema:
    properties = {
        "order_id": {"type": "string", "pattern": "^ord_[a-z2-7]{26}$"},
        "status": {"enum": list(Status)},
        "payment_status": {"enum": list(PaymentStatus)},
        "fulfillment_status": {"enum": list(FulfillmentStatus)},
        "reason": _NULLABLE_TEXT,
        "currency": {"type": "string"},
        "total": _MINOR,
        "tax": _MINOR,
        "reference": _NULLABLE_TEXT,
        "accepted_at": _TIME,
        "updated_at": _TIME,
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _order() -> Schema:
    summary = _summary()
    event = {
        "type": "object",
        "required": ["at", "event"],
        "properties": {"at": _TIME, "event": {"type": "string"}},
    }
    line_properties: Schema = {
        "sku": {"type": "string"},
        "quantity": {"type": "integer"},
        "price_id": {"type": "string"},
        "unit_price": _MINOR,
        "tax_rate": {"type": "integer", "description": "Basis points; the prices include the tax"},
        "total": _MINOR,
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
