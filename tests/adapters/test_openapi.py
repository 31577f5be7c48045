"""The OpenAPI document is valid, and says of the API what the API does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from lambdas.domain.order import Event
from lambdas.domain.problems import Problem
from lambdas.ingest.api import OrdersApi
from lambdas.ingest.openapi import openapi_document
from lambdas.ingest.responses import ERRORS, order_body, problem, summary_body
from lambdas.services.read_orders import ReadOrders
from tests.adapters.examples import LATER, an_order

DOCUMENT = openapi_document("local")
ROUTES = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
CODE = re.compile(r"`(\w+)`")
NO_RESPONSES_OF_ERRORS = {"GET /v1/openapi.json"}


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
    ],
)
def test_the_schema_of_a_request_takes_what_the_api_takes(body: dict[str, Any], valid: bool) -> None:
    assert (errors_of("OrderRequest", body) == []) == valid
