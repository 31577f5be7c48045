"""Answers of the API: orders as JSON, and errors as RFC 9457 problem details with a stable `code`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.order import CancellationStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.domain.order import Cancellation, Line, Order
    from lambdas.domain.problems import Problem
    from lambdas.domain.refund import Refund

Response = dict[str, Any]

RETRY_AFTER_SECONDS: Final = 2
# Every code of an error that the API itself answers with, its status, whether the same request may succeed
# later, and its title. The OpenAPI document lists the same.
ERRORS: Final[dict[str, tuple[int, bool, str]]] = {
    "malformed_json": (400, False, "The body is not JSON"),
    "idempotency_key_required": (400, False, "The Idempotency-Key header is missing"),
    "idempotency_key_too_long": (400, False, "The Idempotency-Key is too long"),
    "idempotency_key_invalid": (400, False, "The Idempotency-Key has characters that it may not have"),
    "invalid_cursor": (400, False, "The cursor was not made by this list"),
    "invalid_limit": (400, False, "The limit is no number from 1 to 100"),
    "unauthenticated": (401, False, "The request does not say who calls"),
    "scope_required": (403, False, "The caller may not do this"),
    "not_found": (404, False, "There is no such order or refund"),
    "use_refund": (409, False, "The order is shipped: ask for a refund instead"),
    "already_ended": (409, False, "The order was rejected: there is nothing to cancel"),
    "not_refundable": (409, False, "No money was taken that could be given back"),
    "payload_too_large": (413, False, "The body is larger than 256 KB"),
    "unsupported_media_type": (415, False, "The body must be application/json"),
    "invalid_order": (422, False, "The order is not valid"),
    "invalid_cancellation": (422, False, "The cancellation is not valid"),
    "invalid_refund": (422, False, "The refund is not valid"),
    "idempotency_key_reused": (422, False, "The Idempotency-Key belongs to another request"),
    "internal_error": (500, True, "Something failed that should not"),
    "unavailable": (503, True, "The service cannot answer at this moment"),
}


def order_body(order: Order) -> dict[str, Any]:
    """Show an order to its client; amounts are minor units."""
    body: dict[str, Any] = {
        "order_id": order.order_id,
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "reason": order.reason,
        "currency": order.currency,
        "total": order.total,
        "tax": order.tax,
        "refunded": order.refunds.refunded,
        "refund_pending": order.refunds.reserved - order.refunds.refunded,
        "cancellation": _cancellation(order),
        "reference": order.reference,
        "accepted_at": order.accepted_at,
        "updated_at": order.updated_at,
        "timeline": [{"at": e.at, "event": e.name} for e in order.timeline],
    }
    if order.lines is not None:
        body["lines"] = [
            {
                "line": number,
                "sku": line.sku,
                "quantity": line.quantity,
                "price_id": line.price_id,
                "unit_price": line.unit_price,
                "tax_rate": line.tax_rate,
                "total": line.total,
            }
            for number, line in enumerate(order.lines, 1)
        ]
    return body


def _cancellation(order: Order) -> dict[str, Any] | None:
    if order.cancellation is None:
        return None
    return {
        "status": order.cancellation_status,
        "reason_code": order.cancellation.reason_code,
        "requested_at": order.cancellation.requested_at,
    }


def cancellation_body(order_id: str, cancellation: Cancellation) -> dict[str, Any]:
    """Show a cancellation as its first answer did; what became of it is on the order."""
    return {
        "order_id": order_id,
        "status": CancellationStatus.REQUESTED,
        "reason_code": cancellation.reason_code,
        "requested_at": cancellation.requested_at,
    }


def refund_body(refund: Refund, lines: Sequence[Line]) -> dict[str, Any]:
    """Show a refund; `lines` are the order's, the amount is minor units."""
    return {
        "refund_id": refund.refund_id,
        "order_id": refund.order_id,
        "status": refund.status,
        "amount": refund.amount,
        "currency": refund.currency,
        "lines": [
            {"line": part.line, "sku": lines[part.line - 1].sku, "quantity": part.quantity}
            for part in refund.lines
        ],
        "reason_code": refund.reason_code,
        "restock": refund.restock,
        "restocked": refund.restocked,
        "failure": refund.failure,
        "requested_at": refund.requested_at,
        "updated_at": refund.updated_at,
    }


def summary_body(order: Order) -> dict[str, Any]:
    """Show an order in a list: without its lines and timeline."""
    return {k: v for k, v in order_body(order).items() if k not in {"lines", "timeline"}}


def json_response(status: int, body: object, **headers: str) -> Response:
    """Answer with JSON; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **named},
        "body": json.dumps(body, separators=(",", ":")),
    }


def problem(
    code: str, request_id: str, detail: str = "", errors: Sequence[Problem] = (), **headers: str
) -> Response:
    """Answer with problem details; `errors` are all that is wrong with the request."""
    status, retryable, title = ERRORS[code]
    body: dict[str, Any] = {
        "type": f"urn:order-pipeline:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "retryable": retryable,
        "request_id": request_id,
    }
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = [
            {"pointer": e.pointer, "code": e.code, "detail": e.detail, **e.facts} for e in errors
        ]
    if retryable:
        headers.setdefault("Retry_After", str(RETRY_AFTER_SECONDS))
    response = json_response(status, body, **headers)
    response["headers"]["Content-Type"] = "application/problem+json"
    return response
