"""The OpenAPI document is valid, and says of the API what the API does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from lambdas.domain.order import Event
from lambdas.domain.problems import Problem
from lambdas.domain.refund_request import parse_refund
from lambdas.domain.request_body import InvalidBody
from lambdas.domain.submission import parse_submission
from lambdas.ingest.api import OrdersApi
from lambdas.ingest.idempotency_key import InvalidIdempotencyKey, read_idempotency_key
from lambdas.ingest.openapi import openapi_document
from lambdas.ingest.responses import ERRORS, order_body, problem, summary_body
from lambdas.services.read_orders import ReadOrders
from tests.adapters.examples import LATER, an_order

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = openapi_document("local")
ROUTES = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
CODE = re.compile(r"`(\w+)`")
NO_RESPONSES_OF_ERRORS = {"GET /v1/openapi.json"}


NULLS = dict.fromkeys(("payment_method", "total", "reference"))


def is_taken(parse: Callable[[object], object], body: object) -> bool:
    try:
        parse(body)
    except InvalidBody:
        return False
    return True


class Nothing:
    """A store in which no order is."""

    def get(self, _order_id: str) -> None:
        return None


def api() -> OrdersApi:
    nothing = cast("Any", Nothing())
    unused = cast("Any", None)
    return OrdersApi(unused, ReadOrders(nothing, nothing), unused, unused, auth_mode="local")


def errors_of(schema: str, instance: object) -> list[str]:
    resource = DRAFT202012.create_resource(DOCUMENT)
    registry: Registry[Any] = Registry().with_resource("urn:openapi", resource)
    reference = {"$ref": f"urn:openapi#/components/schemas/{schema}"}
    validator = OAS31Validator(reference, registry=registry)
    return [error.message for error in validator.iter_errors(instance)]


def operation_of(route: str) -> dict[str, Any]:
    method, path = route.split(" ")
    operation: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return operation


def test_the_document_is_valid_openapi() -> None:
    validate(json.loads(json.dumps(DOCUMENT)))
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_route_of_the_api_is_described_and_no_other() -> None:
    assert set(api()._routes()) | {"GET /v1/openapi.json"} == ROUTES


def test_the_document_is_served_to_anybody() -> None:
    event = {"requestContext": {"requestId": "r"}, "routeKey": "GET /v1/openapi.json", "headers": {}}
    response = api()(event)
    assert (response["statusCode"], json.loads(response["body"])) == (200, json.loads(json.dumps(DOCUMENT)))


@pytest.mark.parametrize("route", sorted(ROUTES - NO_RESPONSES_OF_ERRORS))
def test_errors_stand_under_the_status_that_they_are_answered_with(route: str) -> None:
    described = {
        (code, int(status))
        for status, response in operation_of(route)["responses"].items()
        if "application/problem+json" in response["content"]
        for code in CODE.findall(response["description"])
    }
    assert described
    assert described == {(code, ERRORS[code][0]) for code, _ in described}


def test_every_error_code_is_described_somewhere() -> None:
    described = {
        code
        for route in ROUTES
        for response in operation_of(route)["responses"].values()
        for code in CODE.findall(response["description"])
    }
    assert described == set(ERRORS)
    assert DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(ERRORS)


@pytest.mark.parametrize("code", ERRORS)
def test_a_problem_fits_its_schema(code: str) -> None:
    errors = [Problem("/lines/0/sku", "unknown_sku", "not for sale", {"computed": 3})]
    response = problem(code, "request-1", "what went wrong", errors)
    assert errors_of("Problem", json.loads(response["body"])) == []
    assert response["statusCode"] == ERRORS[code][0]
    assert ("Retry-After" in response["headers"]) == ERRORS[code][1]


@pytest.mark.parametrize("reference", [None, "PO 4711"])
def test_an_order_and_its_summary_fit_their_schemas(reference: str | None) -> None:
    order = replace(an_order(reference=reference), reason="out_of_stock")
    assert errors_of("Order", json.loads(json.dumps(order_body(order)))) == []
    assert errors_of("OrderSummary", json.loads(json.dumps(summary_body(order)))) == []


def test_the_schema_of_orders_is_no_sieve() -> None:
    body = json.loads(json.dumps(order_body(replace(an_order(), timeline=(Event(LATER, "x"),) * 21))))
    assert errors_of("Order", body)
    assert errors_of("Order", {k: v for k, v in order_body(an_order()).items() if k != "lines"})


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"currency": "GBP", "lines": [{"sku": "a", "quantity": 1}]}, True),
        ({"currency": "GBP", "lines": [{"sku": "a", "quantity": 1.5}]}, False),
        ({"currency": "GBP", "lines": []}, False),
        ({"currency": "GBP", "lines": [{"sku": "a", "quantity": 1}], "extra": 1}, False),
        ({"currency": "gbp", "lines": [{"sku": "a", "quantity": 1}]}, False),
        ({"currency": "XYZ", "lines": [{"sku": "a", "quantity": 1}]}, False),
        ({"currency": "KWD", "lines": [{"sku": "a", "quantity": 1}]}, False),
        ({"currency": "GBP", "lines": [{"sku": " a", "quantity": 1}]}, False),
        ({"currency": "GBP", "lines": [{"sku": "a", "quantity": 1, "price_id": "a b"}]}, False),
        ({"currency": "GBP", "lines": [{"sku": "a", "quantity": 1}], "reference": "a\nb"}, False),
        ({"currency": "GBP", "lines": [{"sku": "a", "quantity": 1}], **NULLS}, True),
    ],
)
def test_the_schema_of_a_request_takes_what_the_api_takes(body: dict[str, Any], valid: bool) -> None:
    assert (errors_of("OrderRequest", body) == []) == valid
    assert is_taken(parse_submission, body) == valid


@pytest.mark.parametrize(
    ("wish", "valid"),
    [
        ({}, True),
        ({"amount": 1}, True),
        ({"amount": 0}, False),
        ({"amount": None}, False),
        ({"amount": 1, "lines": None}, False),
        ({"restock": None}, True),
        ({"lines": [{"line": 1, "quantity": 1}], "restock": True}, True),
        ({"amount": 1, "restock": False}, True),
        ({"amount": 1, "restock": True}, False),
        ({"amount": 1, "lines": [{"line": 1, "quantity": 1}]}, False),
    ],
)
def test_the_schema_of_a_refund_takes_what_the_api_takes(wish: dict[str, Any], valid: bool) -> None:
    body = {"reason_code": "returned", **wish}
    assert (errors_of("RefundRequest", body) == []) == valid
    assert is_taken(parse_refund, body) == valid


@pytest.mark.parametrize("key", ["a", "a b", '"a"', '"', "~" * 255, "", " a", '""', '"  "', "é", "a" * 256])
def test_the_schema_of_a_key_takes_what_the_api_takes(key: str) -> None:
    (parameter,) = operation_of("POST /v1/orders")["parameters"]
    try:
        read_idempotency_key(key)
    except InvalidIdempotencyKey:
        taken = False
    else:
        taken = key == key.strip()  # blanks around it are HTTP's, not the key's
    assert OAS31Validator(parameter["schema"]).is_valid(key) == taken


def test_the_examples_are_what_their_schemas_say() -> None:
    seen = 0
    for route in ROUTES:
        content = operation_of(route).get("requestBody", {}).get("content", {})
        for media in content.values():
            name = media["schema"]["$ref"].rpartition("/")[2]
            for example in media["examples"].values():
                assert errors_of(name, example["value"]) == []
                seen += 1
    assert seen == 5


@pytest.mark.parametrize(
    ("mode", "scheme", "statuses"),
    [("jwt", "http", {"401", "403"}), ("iam", "apiKey", {"403"}), ("local", "apiKey", set())],
)
def test_the_document_says_how_to_pass_the_gateway(mode: str, scheme: str, statuses: set[str]) -> None:
    document = openapi_document(mode)
    validate(json.loads(json.dumps(document)))
    ((name, found),) = document["components"]["securitySchemes"].items()
    assert found["type"] == scheme
    for path, methods in document["paths"].items():
        for operation in methods.values():
            served_to_all = (mode, path) == ("local", "/v1/openapi.json")
            assert [list(need) for need in operation["security"]] == ([] if served_to_all else [[name]])
            messages = {s for s, r in operation["responses"].items() if "GatewayMessage" in json.dumps(r)}
            assert messages - {"413"} == {"429", "500", "503"} | statuses
            assert ("413" in messages) == ("requestBody" in operation)
