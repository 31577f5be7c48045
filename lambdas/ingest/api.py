"""The routes of the HTTP API, from API Gateway's payload 2.0 to an answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lambdas.domain.errors import TransientError
from lambdas.domain.order_store import InvalidCursor
from lambdas.domain.request_body import InvalidBody
from lambdas.ingest.idempotency_key import InvalidIdempotencyKey, read_idempotency_key
from lambdas.ingest.identity import PRICE_SCOPE, REFUND_SCOPE, Unauthenticated, identify
from lambdas.ingest.limits import DEFAULT_PAGE, MAX_BODY_BYTES, MAX_PAGE
from lambdas.ingest.responses import (
    RETRY_AFTER_SECONDS,
    Response,
    cancellation_body,
    json_response,
    order_body,
    problem,
    refund_body,
    summary_body,
)
from lambdas.services.request_errors import (
    AlreadyEnded,
    IdempotencyKeyReused,
    NotRefundable,
    OrderUnknown,
    RequestConflict,
    TooLateToCancel,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.ingest.identity import Caller
    from lambdas.services.cancel_order import CancelOrder
    from lambdas.services.read_orders import ReadOrders
    from lambdas.services.request_refund import RequestRefund
    from lambdas.services.submit_order import SubmitOrder

Event = dict[str, Any]


_LIMIT: Final = re.compile("[1-9][0-9]{0,2}")


class Refused(Exception):
    """The request is refused with one of the API's codes."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Keep code and detail for the answer."""
        super().__init__(code)
        self.code = code
        self.detail = detail


_FORESEEN: Final = (
    Refused,
    InvalidIdempotencyKey,
    InvalidBody,
    RequestConflict,
    InvalidCursor,
    Unauthenticated,
    TransientError,
)


_CODES: Final[Mapping[type[Exception], str]] = {
    OrderUnknown: "not_found",
    IdempotencyKeyReused: "idempotency_key_reused",
    TooLateToCancel: "use_refund",
    AlreadyEnded: "already_ended",
    InvalidCursor: "invalid_cursor",
    Unauthenticated: "unauthenticated",
}
_INVALID: Final = {
    "POST /v1/orders": "invalid_order",
    "POST /v1/orders/{order_id}/cancel": "invalid_cancellation",
    "POST /v1/orders/{order_id}/refunds": "invalid_refund",
}


@dataclass(frozen=True, slots=True)
class OrdersApi:
    """The API over its use cases; `auth_mode` is `jwt`, `iam` or `local`."""

    submit: SubmitOrder
    read: ReadOrders
    cancel: CancelOrder
    refund: RequestRefund
    auth_mode: str

    def __call__(self, event: Event) -> Response:
        """Answer a request; only what nobody foresaw raises."""
        request_id = event["requestContext"]["requestId"]
        if event["routeKey"] == "GET /v1/openapi.json":
            return _openapi(self.auth_mode)
        try:
            caller = identify(event, self.auth_mode)
            return self._routes()[event["routeKey"]](caller, event)
        except _FORESEEN as error:
            return _explain(error, event["routeKey"], request_id)

    def _routes(self) -> Mapping[str, Callable[[Caller, Event], Response]]:
        return {
            "POST /v1/orders": self._post,
            "GET /v1/orders": self._list,
            "GET /v1/orders/{order_id}": self._get,
            "POST /v1/orders/{order_id}/cancel": self._cancel,
            "POST /v1/orders/{order_id}/refunds": self._refund,
            "GET /v1/orders/{order_id}/refunds": self._list_refunds,
            "GET /v1/orders/{order_id}/refunds/{refund_id}": self._get_refund,
        }

    def _post(self, caller: Caller, event: Event) -> Response:
        accepted = self.submit(
            caller.client, _key(event), _json_body(event), may_choose_price=PRICE_SCOPE in caller.scopes
        )
        location = f"/v1/orders/{accepted.order.order_id}"
        return _taken(order_body(accepted.order), location, replayed=accepted.replayed)

    def _cancel(self, caller: Caller, event: Event) -> Response:
        body = _json_body(event) if event.get("body") else {}
        taken = self.cancel(caller.client, event["pathParameters"]["order_id"], _key(event), body)
        order_id = taken.order.order_id
        return _taken(
            cancellation_body(order_id, taken.cancellation), f"/v1/orders/{order_id}", replayed=taken.replayed
        )

    def _refund(self, caller: Caller, event: Event) -> Response:
        if REFUND_SCOPE not in caller.scopes:
            raise Refused("scope_required", f"needs {REFUND_SCOPE}")
        order_id = event["pathParameters"]["order_id"]
        taken = self.refund(caller.client, order_id, _key(event), _json_body(event))
        location = f"/v1/orders/{order_id}/refunds/{taken.refund.refund_id}"
        return _taken(refund_body(taken.refund, taken.lines), location, replayed=taken.replayed)

    def _list_refunds(self, caller: Caller, event: Event) -> Response:
        refunds, lines = self.read.refunds_of(caller.client, event["pathParameters"]["order_id"])
        return json_response(200, {"refunds": [refund_body(refund, lines) for refund in refunds]})

    def _get_refund(self, caller: Caller, event: Event) -> Response:
        path = event["pathParameters"]
        refund, lines = self.read.refund(caller.client, path["order_id"], path["refund_id"])
        return json_response(200, refund_body(refund, lines))

    def _get(self, caller: Caller, event: Event) -> Response:
        order = self.read.one(caller.client, event["pathParameters"]["order_id"])
        return json_response(200, order_body(order))

    def _list(self, caller: Caller, event: Event) -> Response:
        query = event.get("queryStringParameters") or {}
        page = self.read.page(caller.client, query.get("cursor"), _limit(query.get("limit")))
        body = {"orders": [summary_body(order) for order in page.orders], "next_cursor": page.cursor}
        return json_response(200, body)


def _explain(error: Exception, route: str, request_id: str) -> Response:
    """Turn a foreseen error into its answer."""
    match error:
        case Refused():
            return problem(error.code, request_id, error.detail)
        case InvalidIdempotencyKey():
            return problem(error.code, request_id, str(error))
        case InvalidBody():
            return problem(_INVALID[route], request_id, errors=error.problems)
        case NotRefundable():
            return problem("not_refundable", request_id, str(error))
        case TransientError():
            detail = f"{type(error).__name__}: the same request again will do"
            return problem("unavailable", request_id, detail)
    return problem(_CODES[type(error)], request_id)


def _key(event: Event) -> str:
    return read_idempotency_key(event["headers"].get("idempotency-key"))


def _taken(body: dict[str, Any], location: str, *, replayed: bool) -> Response:
    """Answer that a request is accepted and will be carried out."""
    again = {"Idempotent_Replayed": "true"} if replayed else {}
    return json_response(202, body, Location=location, Retry_After=str(RETRY_AFTER_SECONDS), **again)


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE
    if not _LIMIT.fullmatch(text) or int(text) > MAX_PAGE:
        raise Refused("invalid_limit")
    return int(text)


def _json_body(event: Event) -> object:
    media_type = event["headers"].get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused("unsupported_media_type")
    body: str = event.get("body") or ""
    try:
        raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        if len(raw) > MAX_BODY_BYTES:
            raise Refused("payload_too_large")
        # Given bytes, Python takes UTF-16 and UTF-32 as well; JSON is UTF-8 (RFC 8259, section 8.1).
        text = raw.decode("utf-8-sig")
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Refused("malformed_json") from error


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON has not (RFC 8259, section 6)."""
    raise ValueError(name)


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says a thing twice: parsers disagree on which one counts."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name is repeated")
    return dict(pairs)


def _openapi(auth_mode: str) -> Response:
    # Imported on request: most cold starts never serve it.
    from lambdas.ingest.openapi import openapi_document  # noqa: PLC0415 - see above

    return json_response(200, openapi_document(auth_mode))
