"""An HTTP API in front of one function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer, HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from stacks.constructs.logs import log_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_lambda as lambda_

    from stacks.settings import Settings

# No address and no token of a client: access logs hold ids and times only.
_ACCESS_LOG: Final[Mapping[str, str]] = {
    "request_id": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "integration_error": "$context.integrationErrorMessage",
    "error": "$context.error.message",
    "time": "$context.requestTime",
}


class OrdersApi(Construct):
    """The HTTP API: routes to one function, authorised as the settings say, throttled and logged.

    Every route is authorised, the OpenAPI document too: an open route is one that somebody finds.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        handler: lambda_.IFunction,
        routes: Sequence[tuple[apigateway.HttpMethod, str]],
        settings: Settings,
    ) -> None:
        super().__init__(scope, id_)
        name = settings.stack_prefix
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=name,
            create_default_stage=False,
            default_authorizer=authorizer(settings),
        )
        integration = HttpLambdaIntegration("Handler", handler)
        for method, path in routes:
            self.api.add_routes(path=path, methods=[method], integration=integration)
        group = log_group(self, "Logs", name=f"/aws/vendedlogs/apis/{name}", settings=settings)
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.api_requests_per_second,
                throttling_burst_limit=settings.api_burst,
            ),
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=group.log_group_arn, format=json.dumps(_ACCESS_LOG)
            ),
        )


def authorizer(settings: Settings) -> apigateway.IHttpRouteAuthorizer:
    """How the API knows its clients; settings have refused what must not be deployed."""
    if settings.auth == "jwt" and settings.jwt_issuer and settings.jwt_audience:
        return HttpJwtAuthorizer("Jwt", settings.jwt_issuer, jwt_audience=[settings.jwt_audience])
    if settings.auth == "iam":
        return HttpIamAuthorizer()
    return apigateway.HttpNoneAuthorizer()
