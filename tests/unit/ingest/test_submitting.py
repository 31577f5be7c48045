"""`POST /v1/orders`: what is accepted, and that what is refused leaves nothing behind."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lambdas.domain.errors import QueueUnavailable, StoreUnavailable
from lambdas.ingest.limits import MAX_BODY_BYTES
from lambdas.ingest.responses import ERRORS
from tests.fakes.faults import nothing_happened
from tests.unit.ingest.requests import BODY, REQUEST_ID, Api

CARD = "4242424242424242"


def with_line(**changes: Any) -> dict[str, Any]:
    """The body with its line changed."""
    return {**BODY, "lines": [{**BODY["lines"][0], **changes}]}


def test_an_accepted_order_answers_202_with_its_place(api: Api) -> None:
    response = api.raw(
        "POST /v1/orders", headers={"idempotency-key": '"key-1"'}, body=json.dumps({**BODY, "total": 900})
    )
    order = json.loads(response["body"])
    assert response["statusCode"] == 202
    assert response["headers"]["Location"] == f"/v1/orders/{order['order_id']}"
    assert response["headers"]["Retry-After"] == "2"
    assert response["headers"]["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in response["headers"]
    assert (order["status"], order["total"], order["tax"]) == ("accepted", 900, 150)
    assert order["lines"][0]["unit_price"] == 450
    assert "payment_method" not in order


def test_the_same_request_again_is_marked_as_replayed_with_the_same_body(api: Api) -> None:
    first = api.raw("POST /v1/orders", headers={"idempotency-key": "k"}, body=json.dumps(BODY))
    api.pipeline.clock.advance(5)
    again = api.raw("POST /v1/orders", headers={"idempotency-key": '"k"'}, body=json.dumps(BODY, indent=2))
    assert again["statusCode"] == 202
    assert again["headers"]["Idempotent-Replayed"] == "true"
    assert again["body"] == first["body"]


def test_a_body_in_base64_is_read(api: Api) -> None:
    text = base64.b64encode(json.dumps(BODY).encode()).decode()
    assert api.post(text, isBase64Encoded=True)[0] == 202


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "malformed_json"),
        ("hello", 400, "malformed_json"),
        ('{"currency": "GBP"', 400, "malformed_json"),
        ('{"total": NaN}', 400, "malformed_json"),
        ('{"total": -Infinity}', 400, "malformed_json"),
        ('{"currency": "GBP", "currency": "EUR"}', 400, "malformed_json"),
        ('{"lines": [{"sku": "TEA", "quantity": 1, "quantity": 2}]}', 400, "malformed_json"),
        ('{"total": ' + "9" * 5_000 + "}", 400, "malformed_json"),
        ("[" * 200_000, 400, "malformed_json"),
        ("null", 422, "invalid_order"),
        ("[]", 422, "invalid_order"),
        ('"' + "x" * 400_000 + '"', 413, "payload_too_large"),
        (json.dumps({**BODY, "reference": "é" * (MAX_BODY_BYTES // 2)}, ensure_ascii=False), 413, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_body_is_refused(api: Api, body: str, status: int, code: str | None) -> None:
    answered, problem = api.post(body)
    assert answered == status
    assert problem["code"] == (code or "payload_too_large")
    api.assert_nothing_written()


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({**BODY, "currency": "XYZ"}, "/currency", "unknown_currency"),
        ({**BODY, "currency": "EUR"}, "/lines/0/sku", "currency_mismatch"),
        ({**BODY, "lines": {}}, "/lines", "wrong_type"),
        ({**BODY, "total": 9.0}, "/total", "wrong_type"),
        ({**BODY, "total": 901}, "/total", "total_mismatch"),
        ({**BODY, "coupon": "X"}, "/coupon", "unknown_field"),
        ({**BODY, "payment_method": None}, "/payment_method", "required"),
        (with_line(sku="NOPE"), "/lines/0/sku", "unknown_sku"),
        (with_line(quantity=-1), "/lines/0/quantity", "out_of_range"),
        (with_line(quantity=0), "/lines/0/quantity", "out_of_range"),
        (with_line(quantity=10**18), "/lines/0/quantity", "out_of_range"),
        (with_line(quantity=1.0), "/lines/0/quantity", "wrong_type"),
        (with_line(quantity="1"), "/lines/0/quantity", "wrong_type"),
        (with_line(quantity=True), "/lines/0/quantity", "wrong_type"),
        (with_line(unit_price=1), "/lines/0/unit_price", "unknown_field"),
        (with_line(price_id="staff"), "/lines/0/price_id", "scope_required"),
        (with_line(quantity=100_000, sku="MUG"), "/lines", "total_too_large"),
        ({**BODY, "lines": [*BODY["lines"], {"sku": "TEA"}]}, "/lines/1/quantity", "required"),
    ],
)
def test_a_bad_order_is_refused_and_nothing_is_written(
    api: Api, body: dict[str, Any], pointer: str, code: str
) -> None:
    status, problem = api.post(body)
    assert (status, problem["code"], problem["retryable"]) == (422, "invalid_order", False)
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(pointer, code)]
    api.assert_nothing_written()


@pytest.mark.parametrize("card", [CARD, int(CARD), "4242 4242 4242 4242"])
def test_a_card_number_is_refused_and_its_digits_are_nowhere_in_the_answer(api: Api, card: object) -> None:
    response = api.raw(
        "POST /v1/orders",
        headers={"idempotency-key": "k"},
        body=json.dumps({**BODY, "payment_method": card}),
    )
    (error,) = json.loads(response["body"])["errors"]
    assert (error["pointer"], error["code"]) == ("/payment_method", "card_number_refused")
    assert "4242" not in repr(response)
    api.assert_nothing_written()


def test_a_wrong_total_gets_both_numbers_back(api: Api) -> None:
    _, problem = api.post({**BODY, "total": 1})
    (error,) = problem["errors"]
    assert (error["stated"], error["computed"]) == (1, 900)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_required"),
        ("", "idempotency_key_required"),
        ("x" * 256, "idempotency_key_too_long"),
        ("clé", "idempotency_key_invalid"),
    ],
)
def test_a_post_needs_a_usable_key(api: Api, key: str | None, code: str) -> None:
    status, problem = api.post(key=key)
    assert (status, problem["code"]) == (400, code)
    api.assert_nothing_written()


def test_a_key_used_for_another_body_is_refused(api: Api) -> None:
    api.post()
    status, problem = api.post({**BODY, "reference": "other"})
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert len(api.pipeline.orders.heads) == 1
    assert len(api.pipeline.queue.sent) == 1


def test_another_price_needs_the_scope_and_gets_it(api: Api) -> None:
    headers = {"x-orders-scopes": "orders:price"}
    status, order = api.post(with_line(price_id="staff"), headers=headers)
    assert (status, order["total"]) == (202, 600)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_media_type_is_refused(api: Api, media_type: str) -> None:
    status, problem = api.post(headers={"content-type": media_type})
    assert (status, problem["code"]) == (415, "unsupported_media_type")
    api.assert_nothing_written()


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", None])
def test_json_is_known_by_any_of_its_names(api: Api, media_type: str | None) -> None:
    assert api.post(headers={"content-type": media_type})[0] == 202


def test_nobody_is_served_without_a_name(api: Api) -> None:
    status, problem = api.post(client="")
    assert (status, problem["code"]) == (401, "unauthenticated")
    api.assert_nothing_written()


@pytest.mark.parametrize(
    ("fake", "operation", "error"),
    [
        ("inventory", "products", StoreUnavailable("throttled")),
        ("orders", "create", StoreUnavailable("throttled")),
        ("queue", "send", QueueUnavailable("down")),
    ],
)
def test_a_service_that_does_not_answer_is_a_retryable_503(
    api: Api, fake: str, operation: str, error: Exception
) -> None:
    getattr(api.pipeline, fake).faults.plan(operation, nothing_happened(error))
    response = api.raw("POST /v1/orders", headers={"idempotency-key": "k"}, body=json.dumps(BODY))
    problem = json.loads(response["body"])
    assert (response["statusCode"], problem["code"], problem["retryable"]) == (503, "unavailable", True)
    assert response["headers"]["Retry-After"] == "2"
    assert api.post(key="k")[0] == 202
    assert len(api.pipeline.queue.sent) == 1


def test_a_problem_is_what_rfc_9457_says(api: Api) -> None:
    response = api.raw("POST /v1/orders", headers={"idempotency-key": "k"}, body="{}")
    problem = json.loads(response["body"])
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["request_id"]) == (422, REQUEST_ID)
    assert problem["type"] == "urn:order-pipeline:problem:invalid_order"
    assert problem["title"] == ERRORS["invalid_order"][2]
    assert {e["pointer"] for e in problem["errors"]} == {"/currency", "/lines"}


@pytest.mark.parametrize("field", ["payment_method", "surprise"])
def test_nesting_of_any_depth_is_the_clients_error(api: Api, field: str) -> None:
    # Around the parser's own limit it must not be the code after it that gives up.
    for depth in range(800, 1_000):
        body = '{{"{}":{}{}}}'.format(field, "[" * depth, "]" * depth)
        assert api.post(body)[0] in {400, 422}, depth
    api.assert_nothing_written()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "latin-1"])
def test_json_is_utf_8_only(api: Api, encoding: str) -> None:
    text = json.dumps({**BODY, "reference": "für Zoë"}, ensure_ascii=False)
    raw = base64.b64encode(text.encode(encoding)).decode()
    status, problem = api.post(raw, isBase64Encoded=True)
    assert (status, problem["code"]) == (400, "malformed_json")


def test_utf_16_that_came_as_text_is_not_guessed_either(api: Api) -> None:
    status, problem = api.post(json.dumps(BODY).encode("utf-16-le").decode())
    assert (status, problem["code"]) == (400, "malformed_json")
