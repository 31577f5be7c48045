"""The API's routes, and who may call them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly


def routes(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = assembly.resources("AWS::ApiGatewayV2::Route").values()
    return {route["Properties"]["RouteKey"]: route["Properties"] for route in found}


def test_the_routes_are_those_of_the_api(prod: Assembly) -> None:
    assert set(routes(prod)) == {
        "POST /v1/orders",
        "GET /v1/orders",
        "GET /v1/orders/{order_id}",
        "POST /v1/orders/{order_id}/cancel",
        "POST /v1/orders/{order_id}/refunds",
        "GET /v1/orders/{order_id}/refunds",
        "GET /v1/orders/{order_id}/refunds/{refund_id}",
        "GET /v1/openapi.json",
    }


@pytest.mark.parametrize(
    ("environment", "authorization"), [("local", "NONE"), ("prod", "AWS_IAM"), ("staging", "JWT")]
)
def test_every_route_is_authorised_as_the_settings_say(
    assemblies: dict[str, Assembly], environment: str, authorization: str
) -> None:
    kinds = {route["AuthorizationType"] for route in routes(assemblies[environment]).values()}
    assert kinds == {authorization}


def test_a_jwt_must_come_from_the_issuer_for_the_audience(
    assemblies: dict[str, Assembly],
) -> None:
    (authorizer,) = assemblies["staging"].resources("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["Properties"]["JwtConfiguration"] == {
        "Audience": ["orders"],
        "Issuer": "https://id.example.com/",
    }
    for route in routes(assemblies["staging"]).values():
        assert route["AuthorizerId"]


@pytest.mark.parametrize(("environment", "mode"), [("local", "local"), ("prod", "iam"), ("staging", "jwt")])
def test_ingest_knows_how_its_clients_were_authorised(
    assemblies: dict[str, Assembly], environment: str, mode: str
) -> None:
    ingest = assemblies[environment].properties("AWS::Lambda::Function", "IngestFunction")
    assert ingest["Environment"]["Variables"]["AUTH_MODE"] == mode


def test_the_stage_throttles_and_logs_no_addresses(prod: Assembly) -> None:
    (stage,) = prod.resources("AWS::ApiGatewayV2::Stage").values()
    properties = stage["Properties"]
    assert properties["StageName"] == "$default"
    assert properties["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": 200,
        "ThrottlingBurstLimit": 400,
    }
    logged = json.loads(properties["AccessLogSettings"]["Format"])
    assert logged["request_id"] == "$context.requestId"
    assert not any("sourceIp" in value or "authorizer" in value for value in logged.values())


def test_the_api_waits_longer_than_its_function_runs(prod: Assembly) -> None:
    (integration,) = prod.resources("AWS::ApiGatewayV2::Integration").values()
    wait = integration["Properties"].get("TimeoutInMillis", 30_000) / 1000
    assert prod.properties("AWS::Lambda::Function", "IngestFunction")["Timeout"] < wait
