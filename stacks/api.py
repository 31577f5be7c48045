"""The API: the ingest function and the routes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aws_cdk import CfnOutput, Stack
from aws_cdk.aws_apigatewayv2 import HttpMethod

from stacks.constructs.function import PythonFunction
from stacks.constructs.http_api import OrdersApi
from stacks.constructs.permissions import allow

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.packaging.artefacts import Build
    from stacks.settings import Settings
    from stacks.storage import StorageStack

ROUTES: Final = (
    (HttpMethod.POST, "/v1/orders"),
    (HttpMethod.GET, "/v1/orders"),
    (HttpMethod.GET, "/v1/orders/{order_id}"),
    (HttpMethod.POST, "/v1/orders/{order_id}/cancel"),
    (HttpMethod.POST, "/v1/orders/{order_id}/refunds"),
    (HttpMethod.GET, "/v1/orders/{order_id}/refunds"),
    (HttpMethod.GET, "/v1/orders/{order_id}/refunds/{refund_id}"),
    (HttpMethod.GET, "/v1/openapi.json"),
)


class ApiStack(Stack):
    """The HTTP API that clients submit orders through. It holds no state."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        build: Build,
        **kwargs: Any,  # noqa: ANN401 - Stack's own keywords
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        orders, inventory = storage.orders, storage.inventory
        queue = storage.queues.queue
        ingest = PythonFunction(
            self,
            "Ingest",
            name="ingest",
            artefact=build.by_function["ingest"],
            settings=settings,
            environment={
                "ORDERS_TABLE": orders.table_name,
                "INVENTORY_TABLE": inventory.table_name,
                "ORDERS_QUEUE_URL": queue.queue_url,
                "AUTH_MODE": str(settings.auth),
            },
            statements=[
                allow("dynamodb", "GetItem PutItem UpdateItem BatchGetItem Query", orders.table_arn),
                allow("dynamodb", "Query", f"{orders.table_arn}/index/by_client"),
                allow("dynamodb", "BatchGetItem", inventory.table_arn),
                allow("sqs", "SendMessage", queue.queue_arn),
            ],
        ).function
        self.api = OrdersApi(self, "Http", handler=ingest, routes=ROUTES, settings=settings).api
        CfnOutput(self, "ApiUrl", value=self.api.api_endpoint)
