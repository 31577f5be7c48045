"""The routes of cancellations and refunds: status codes, headers, scopes, bodies, and all their errors."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.ingest.limits import MAX_BODY_BYTES
from lambdas.ingest.responses import ERRORS
from tests.fakes.faults import nothing_happened
from tests.fakes.payments import DECLINED_CARD
from tests.fakes.pipeline import CLIENT
from tests.fakes.refunding import CLAIM, sold
from tests.unit.ingest.requests import REQUEST_ID, Api

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId

CANCEL = "POST /v1/orders/{order_id}/cancel"
REFUND = "POST /v1/orders/{order_id}/refunds"
REFUNDS = "GET /v1/orders/{order_id}/refunds"
ONE = "GET /v1/orders/{order_id}/refunds/{refund_id}"
SCOPE = {"x-orders-scopes": "orders:refund"}
NOBODYS = "ord_" + "a" * 26
ALL: dict[str, Any] = {"reason_code": "returned"}
BOTH = pytest.mark.parametrize("route", [CANCEL, REFUND])


def raw(
    api: Api, route: str, order_id: str, body: object = None, key: str | None = "k", **parts: Any
) -> dict[str, Any]:
    """Send a request with the scope for refunds; a text goes out as it is, None as no body at all."""
    headers = {"idempotency-key": key, **SCOPE, **parts.pop("headers", {})}
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    sent = {} if text is None else {"body": text}
    return api.raw(route, headers=headers, pathParameters={"order_id": order_id}, **sent, **parts)


def send(
    api: Api, route: str, order_id: str, body: object = None, **parts: Any
) -> tuple[int, dict[str, Any]]:
    """Send a request; return status and body."""
    response = raw(api, route, order_id, body, **parts)
    return response["statusCode"], json.loads(response["body"])


def get(api: Api, route: str, client: str = CLIENT, **path: str) -> tuple[int, dict[str, Any]]:
    """Look at refunds."""
    return api.send(route, client=client, pathParameters=path)


def order_for(api: Api, route: str) -> OrderId:
    """An order that the route takes."""
    return sold(api.pipeline) if route == REFUND else api.pipeline.accept()


def assert_problem(response: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    """The answer is a problem as RFC 9457 has it."""
    body: dict[str, Any] = json.loads(response["body"])
    assert (response["statusCode"], body["code"]) == (status, code)
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert (body["status"], body["request_id"], body["title"]) == (status, REQUEST_ID, ERRORS[code][2])
    assert ("Retry-After" in response["headers"]) == body["retryable"] == ERRORS[code][1]
    return body


def test_a_cancellation_answers_202_with_the_orders_place(api: Api) -> None:
    order_id = api.pipeline.accept()
    api.pipeline.clock.advance(9)
    response = raw(api, CANCEL, order_id, {"reason_code": "mistake"}, key='"k"')
    assert response["statusCode"] == 202
    assert response["headers"]["Location"] == f"/v1/orders/{order_id}"
    assert response["headers"]["Retry-After"] == "2"
    assert response["headers"]["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in response["headers"]
    assert json.loads(response["body"]) == {
        "order_id": order_id,
        "status": "requested",
        "reason_code": "mistake",
        "requested_at": api.pipeline.clock.text,
    }


@pytest.mark.parametrize("body", [None, "", "{}", '{"reason_code": null}'])
def test_a_cancellation_needs_no_body(api: Api, body: str | None) -> None:
    status, taken = send(api, CANCEL, api.pipeline.accept(), body)
    assert (status, taken["reason_code"]) == (202, "customer_request")


def test_no_body_and_an_empty_object_are_the_same_request(api: Api) -> None:
    order_id = api.pipeline.accept()
    first = raw(api, CANCEL, order_id)
    again = raw(api, CANCEL, order_id, {})
    assert (again["statusCode"], again["body"]) == (202, first["body"])
    assert again["headers"]["Idempotent-Replayed"] == "true"


def test_a_cancellation_needs_no_media_type_when_it_has_no_body(api: Api) -> None:
    assert send(api, CANCEL, api.pipeline.accept(), headers={"content-type": None})[0] == 202
    assert send(api, CANCEL, api.pipeline.accept("b"), headers={"content-type": "text/plain"})[0] == 202


def test_the_order_shows_what_became_of_the_cancellation(api: Api) -> None:
    order_id = api.pipeline.accept()

    def shown() -> Any:
        return get(api, "GET /v1/orders/{order_id}", order_id=order_id)[1]["cancellation"]

    assert shown() is None
    send(api, CANCEL, order_id)
    at = api.pipeline.clock.text
    assert shown() == {"status": "requested", "reason_code": "customer_request", "requested_at": at}
    for step in ("validate", "release", "reject"):
        api.pipeline.step(step, order_id, reason="cancelled")
    assert shown() == {"status": "done", "reason_code": "customer_request", "requested_at": at}
    order = get(api, "GET /v1/orders/{order_id}", order_id=order_id)[1]
    assert (order["status"], order["reason"], order["payment_status"]) == (
        "cancelled",
        "customer_request",
        "voided",
    )


def test_a_replayed_cancellation_has_the_first_answer_even_after_the_end(api: Api) -> None:
    order_id = api.pipeline.accept()
    first = raw(api, CANCEL, order_id)
    for step in ("validate", "release", "reject"):
        api.pipeline.step(step, order_id, reason="cancelled")
    assert raw(api, CANCEL, order_id)["body"] == first["body"]


def test_a_shipped_order_is_to_be_refunded_instead(api: Api) -> None:
    assert_problem(raw(api, CANCEL, sold(api.pipeline)), 409, "use_refund")


def test_a_rejected_order_has_nothing_to_cancel(api: Api) -> None:
    order_id = api.pipeline.accept(card=DECLINED_CARD)
    api.pipeline.bring_to("fulfil", order_id)
    assert_problem(raw(api, CANCEL, order_id), 409, "already_ended")


def test_a_refund_answers_202_with_its_place(api: Api) -> None:
    order_id = sold(api.pipeline, TEA=2, MUG=1)
    api.pipeline.clock.advance(9)
    wish = {**ALL, "lines": [{"line": 2, "quantity": 1}, {"line": 1, "quantity": 2}], "restock": True}
    response = raw(api, REFUND, order_id, wish)
    refund = json.loads(response["body"])
    at = api.pipeline.clock.text
    assert response["statusCode"] == 202
    assert re.fullmatch(r"ref_[a-z2-7]{26}", refund["refund_id"])
    assert response["headers"]["Location"] == f"/v1/orders/{order_id}/refunds/{refund['refund_id']}"
    assert response["headers"]["Retry-After"] == "2"
    assert "Idempotent-Replayed" not in response["headers"]
    assert refund == {
        "refund_id": refund["refund_id"],
        "order_id": order_id,
        "status": "requested",
        "amount": 1900,
        "currency": "GBP",
        "lines": [
            {"line": 2, "sku": "MUG", "quantity": 1},
            {"line": 1, "sku": "TEA", "quantity": 2},
        ],
        "reason_code": "returned",
        "restock": True,
        "restocked": False,
        "failure": None,
        "requested_at": at,
        "updated_at": at,
    }


def test_the_same_refund_again_is_marked_as_replayed_with_the_same_body(api: Api) -> None:
    order_id = sold(api.pipeline)
    first = raw(api, REFUND, order_id, ALL)
    refund_id = json.loads(first["body"])["refund_id"]
    api.pipeline.claim_refund(order_id, refund_id, CLAIM)
    api.pipeline.clock.advance(5)
    api.pipeline.refund(order_id, refund_id, CLAIM)
    again = raw(api, REFUND, order_id, json.dumps(ALL, indent=2), key='"k"')
    assert (again["statusCode"], again["body"]) == (202, first["body"])
    assert again["headers"]["Idempotent-Replayed"] == "true"
    assert again["headers"]["Location"] == first["headers"]["Location"]


def test_a_client_follows_its_refund(api: Api) -> None:
    order_id = sold(api.pipeline)
    refund_id = send(api, REFUND, order_id, {**ALL, "amount": 500})[1]["refund_id"]
    path = {"order_id": order_id, "refund_id": refund_id}
    order = get(api, "GET /v1/orders/{order_id}", order_id=order_id)[1]
    assert (order["refunded"], order["refund_pending"]) == (0, 500)
    api.pipeline.claim_refund(order_id, refund_id, CLAIM)
    api.pipeline.refund(order_id, refund_id, CLAIM)
    status, refund = get(api, ONE, **path)
    assert (status, refund["status"], refund["lines"]) == (200, "succeeded", [])
    order = get(api, "GET /v1/orders/{order_id}", order_id=order_id)[1]
    assert (order["refunded"], order["refund_pending"]) == (500, 0)
    assert (order["status"], order["payment_status"]) == ("completed", "partially_refunded")
    assert get(api, REFUNDS, order_id=order_id) == (200, {"refunds": [refund]})


def test_a_refund_that_succeeded_after_it_waited_shows_no_failure(api: Api) -> None:
    order_id = sold(api.pipeline)
    refund_id = send(api, REFUND, order_id, ALL)[1]["refund_id"]
    path = {"order_id": order_id, "refund_id": refund_id}
    at = api.pipeline.clock.text
    api.pipeline.refunds.set_refund_aside(order_id, refund_id, at, "refund:ProviderRefused")
    waiting = get(api, ONE, **path)[1]
    assert (waiting["status"], waiting["failure"]) == ("attention_required", "refund:ProviderRefused")
    api.pipeline.claim_refund(order_id, refund_id, CLAIM)
    api.pipeline.refund(order_id, refund_id, CLAIM)
    done = get(api, ONE, **path)[1]
    assert (done["status"], done["failure"]) == ("succeeded", None)


def test_a_refund_never_shows_the_provider_or_who_holds_the_order(api: Api) -> None:
    order_id = sold(api.pipeline)
    refund_id = send(api, REFUND, order_id, ALL)[1]["refund_id"]
    api.pipeline.claim_refund(order_id, refund_id, CLAIM)
    api.pipeline.refund(order_id, refund_id, CLAIM)
    shown = repr(get(api, REFUNDS, order_id=order_id))
    assert not any(secret in shown for secret in ("re_0001", "pi_0001", CLAIM, "request_hash", CLIENT))


def test_lines_are_numbered_from_one(api: Api) -> None:
    order_id = api.pipeline.accept(TEA=2, MUG=1)
    order = get(api, "GET /v1/orders/{order_id}", order_id=order_id)[1]
    assert [(line["line"], line["sku"]) for line in order["lines"]] == [(1, "TEA"), (2, "MUG")]


def test_what_is_not_paid_is_not_refundable(api: Api) -> None:
    for order_id in (api.pipeline.accept(), sold(api.pipeline, "key-2", GIFT=1)):
        assert_problem(raw(api, REFUND, order_id, ALL), 409, "not_refundable")


def test_a_refund_needs_its_scope_before_anything_is_said_of_the_order(api: Api) -> None:
    order_id = sold(api.pipeline)
    for scopes in ("", "orders:price orders:write", "orders:refunds"):
        for path in (order_id, NOBODYS):
            response = raw(api, REFUND, path, ALL, headers={"x-orders-scopes": scopes})
            assert "orders:refund" in assert_problem(response, 403, "scope_required")["detail"]
    assert not api.pipeline.refunds.stored


def test_a_cancellation_and_a_look_at_refunds_need_no_scope(api: Api) -> None:
    order_id = api.pipeline.accept()
    assert send(api, CANCEL, order_id, headers={"x-orders-scopes": ""})[0] == 202
    assert get(api, REFUNDS, order_id=order_id) == (200, {"refunds": []})


@BOTH
@pytest.mark.parametrize("order_id", [NOBODYS, "nonsense", "", "../admin"])
def test_there_is_no_such_order(api: Api, route: str, order_id: str) -> None:
    assert_problem(raw(api, route, order_id, ALL if route == REFUND else None), 404, "not_found")


@BOTH
def test_another_clients_order_looks_exactly_like_none(api: Api, route: str) -> None:
    theirs, body = order_for(api, route), ALL if route == REFUND else None
    assert send(api, route, theirs, body, client="client-2") == send(
        api, route, NOBODYS, body, client="client-2"
    )


def test_there_is_no_such_refund(api: Api) -> None:
    order_id = sold(api.pipeline)
    refund_id = send(api, REFUND, order_id, ALL)[1]["refund_id"]
    other = sold(api.pipeline, "key-2")
    paths = [(order_id, "ref_" + "a" * 26), (order_id, "x"), (other, refund_id), (NOBODYS, refund_id)]
    answers = [get(api, ONE, order_id=order, refund_id=refund) for order, refund in paths]
    answers.append(get(api, ONE, "client-2", order_id=order_id, refund_id=refund_id))
    answers.append(get(api, REFUNDS, "client-2", order_id=order_id))
    assert all((status, problem["code"]) == (404, "not_found") for status, problem in answers)


@BOTH
@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_required"),
        ("", "idempotency_key_required"),
        ("k" * 256, "idempotency_key_too_long"),
        ("ké", "idempotency_key_invalid"),
    ],
)
def test_a_key_is_required(api: Api, route: str, key: str | None, code: str) -> None:
    response = raw(api, route, order_for(api, route), ALL if route == REFUND else {}, key=key)
    assert_problem(response, 400, code)
    assert not api.pipeline.refunds.stored


@BOTH
def test_a_key_belongs_to_one_body(api: Api, route: str) -> None:
    order_id = order_for(api, route)
    assert send(api, route, order_id, {"reason_code": "duplicate"})[0] == 202
    response = raw(api, route, order_id, {"reason_code": "other"})
    assert_problem(response, 422, "idempotency_key_reused")


@BOTH
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("hello", 400, "malformed_json"),
        (" ", 400, "malformed_json"),
        ('{"reason_code": "other", "reason_code": "duplicate"}', 400, "malformed_json"),
        ('{"amount": NaN}', 400, "malformed_json"),
        ('"' + "x" * MAX_BODY_BYTES + '"', 413, "payload_too_large"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_body_is_refused(api: Api, route: str, body: str, status: int, code: str) -> None:
    assert_problem(raw(api, route, order_for(api, route), body), status, code)


@BOTH
def test_a_body_of_another_media_type_is_refused(api: Api, route: str) -> None:
    order_id = order_for(api, route)
    response = raw(api, route, order_id, ALL, headers={"content-type": "application/x-www-form-urlencoded"})
    assert_problem(response, 415, "unsupported_media_type")


@BOTH
def test_a_body_in_base64_is_read(api: Api, route: str) -> None:
    text = base64.b64encode(b'{"reason_code": "duplicate"}').decode()
    status, taken = send(api, route, order_for(api, route), text, isBase64Encoded=True)
    assert (status, taken["reason_code"]) == (202, "duplicate")


def test_a_refund_needs_a_body(api: Api) -> None:
    assert_problem(raw(api, REFUND, sold(api.pipeline)), 400, "malformed_json")


@pytest.mark.parametrize(
    ("route", "body", "code", "errors"),
    [
        (CANCEL, {"reason_code": "returned", "x": 1}, "invalid_cancellation", ["/x", "/reason_code"]),
        (CANCEL, [], "invalid_cancellation", [""]),
        (REFUND, {"restock": 1}, "invalid_refund", ["/reason_code", "/restock"]),
        (REFUND, None, "invalid_refund", [""]),
        (REFUND, {**ALL, "lines": [{"line": 2, "quantity": 1}]}, "invalid_refund", ["/lines/0/line"]),
    ],
)
def test_all_problems_of_a_body_are_told_with_their_pointers(
    api: Api, route: str, body: object, code: str, errors: list[str]
) -> None:
    text = json.dumps(body)
    problem = assert_problem(raw(api, route, order_for(api, route), text), 422, code)
    assert [error["pointer"] for error in problem["errors"]] == errors
    assert all(error["code"] and error["detail"] for error in problem["errors"])


def test_a_refund_of_too_much_says_how_much_is_left(api: Api) -> None:
    order_id = sold(api.pipeline)
    send(api, REFUND, order_id, {**ALL, "amount": 500})
    response = raw(api, REFUND, order_id, {**ALL, "amount": 401}, key="another")
    (error,) = assert_problem(response, 422, "invalid_refund")["errors"]
    assert (error["pointer"], error["code"]) == ("/amount", "exceeds_refundable")
    assert error["refundable"] == 400


def test_an_invalid_refund_does_not_use_its_key_up(api: Api) -> None:
    order_id = sold(api.pipeline)
    assert send(api, REFUND, order_id, {**ALL, "amount": 901})[0] == 422
    assert send(api, REFUND, order_id, {**ALL, "amount": 900})[0] == 202


@BOTH
@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("orders", "get", StoreUnavailable("throttled")),
        ("queue", "send", QueueUnavailable("down")),
    ],
)
def test_what_may_pass_is_to_be_sent_again(
    api: Api, route: str, fake: str, operation: str, error: Exception
) -> None:
    order_id, body = order_for(api, route), ALL if route == REFUND else {}
    getattr(api.pipeline, fake).faults.plan(operation, nothing_happened(error))
    response = raw(api, route, order_id, body)
    assert_problem(response, 503, "unavailable")
    assert response["headers"]["Retry-After"] == "2"
    assert send(api, route, order_id, body)[0] == 202


@pytest.mark.parametrize("route", [CANCEL, REFUND, REFUNDS])
def test_who_does_not_say_who_it_is_is_not_served(api: Api, route: str) -> None:
    order_id = sold(api.pipeline)
    assert_problem(raw(api, route, order_id, ALL, client=""), 401, "unauthenticated")
