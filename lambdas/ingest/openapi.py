"""The OpenAPI 3.1 document of the API, built from the constants that the code itself obeys."""

from __future__ import annotations

from typing import Final

from lambdas.ingest.limits import DEFAULT_PAGE, MAX_PAGE
from lambdas.ingest.openapi_amendments import amendment_paths, amendment_schemas
from lambdas.ingest.openapi_gateway import behind_the_gateway, gateway_schemas, security_schemes
from lambdas.ingest.openapi_orders import order, order_request, order_summary
from lambdas.ingest.openapi_parts import (
    KEYED_POST_ERRORS,
    NULLABLE_TEXT,
    ORDER_ID,
    Schema,
    errors,
    idempotency_key,
    json_of,
    order_link,
    path_parameter,
    taken,
)
from lambdas.ingest.responses import ERRORS

_POST_ERRORS: Final = KEYED_POST_ERRORS | {"invalid_order"}
_GET_ERRORS: Final = frozenset({"unauthenticated", "not_found", "internal_error", "unavailable"})
_LIST_ERRORS: Final = (_GET_ERRORS | {"invalid_cursor", "invalid_limit"}) - {"not_found"}
_DESCRIPTION: Final = """Submit orders once and follow them. Amounts are integers of minor units.

Numbers are read strictly: 12 is a whole number and 12.0 is refused, though JSON Schema takes both for one. An
object that repeats a name is refused. Amazon API Gateway answers in front of the API: 404 `{"message": "Not
Found"}` to a path or method that is not described here (never 405), and as GatewayMessage says."""
_ORDER_LINKS: Final[Schema] = {
    "follow": order_link("getOrder", "How the order stands"),
    "cancel": order_link("cancelOrder", "End it before it is shipped"),
    "refund": order_link("refundOrder", "Give money back once it is completed"),
    "listRefunds": order_link("listRefunds", "Its refunds"),
}
_ORDER_EXAMPLE: Final[Schema] = {
    "currency": "GBP",
    "reference": "first order",
    "lines": [{"sku": "MUG-BLUE", "quantity": 2}, {"sku": "TEA-ASSAM", "quantity": 1}],
    "payment_method": "pm_card_visa",
    "total": 3025,
}


def openapi_document(auth_mode: str) -> Schema:
    """Describe every route, status and code of the API; `auth_mode` is `jwt`, `iam` or `local`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Orders",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": behind_the_gateway(
            {
                "/v1/orders": {"post": _post(), "get": _list()},
                "/v1/orders/{order_id}": {"get": _get()},
                **amendment_paths(),
                "/v1/openapi.json": {"get": _self()},
            },
            auth_mode,
        ),
        "components": {
            "schemas": {
                "OrderRequest": order_request(),
                "OrderSummary": order_summary(),
                "Order": order(),
                "Problem": _problem(),
                **amendment_schemas(),
                **gateway_schemas(),
            },
            "securitySchemes": security_schemes(auth_mode),
        },
    }


def _post() -> Schema:
    return {
        "operationId": "submitOrder",
        "summary": "Submit an order, once per key",
        "parameters": [idempotency_key("order")],
        "requestBody": {"required": True, "content": json_of("OrderRequest", {"tea": _ORDER_EXAMPLE})},
        "responses": {
            "202": taken("Accepted; the order as it stood then", "Order", _ORDER_LINKS),
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
    cursor = {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"}
    next_page: Schema = {
        "operationId": "listOrders",
        "description": "The next page, unless `next_cursor` is null",
        "parameters": {"cursor": "$response.body#/next_cursor"},
    }
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE}
    return {
        "operationId": "listOrders",
        "summary": "List your orders, newest first",
        "parameters": [
            {
                "name": "cursor",
                "in": "query",
                "description": "The `next_cursor` of the page before",
                "schema": cursor,
            },
            {"name": "limit", "in": "query", "schema": limit},
        ],
        "responses": {
            "200": {
                "description": "A page",
                "content": {"application/json": {"schema": page}},
                "links": {"nextPage": next_page},
            },
            **errors(_LIST_ERRORS),
        },
    }


def _get() -> Schema:
    return {
        "operationId": "getOrder",
        "summary": "Show one of your orders",
        "parameters": [path_parameter("order_id", ORDER_ID)],
        "responses": {
            "200": {"description": "The order", "content": json_of("Order"), "links": _ORDER_LINKS},
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


def _problem() -> Schema:
    error = {
        "type": "object",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "JSON Pointer (RFC 6901) into the request's body"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        },
        "additionalProperties": {"type": ["integer", "string"], "description": "Facts that help to mend it"},
    }
    properties = {
        "type": {"enum": [f"urn:order-pipeline:problem:{code}" for code in ERRORS]},
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
