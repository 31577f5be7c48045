"""Requests as API Gateway's payload 2.0 brings them, and the API over the fakes."""

from __future__ import annotations

import json
from typing import Any

from lambdas.ingest.api import OrdersApi
from lambdas.services.read_orders import ReadOrders
from tests.fakes.pipeline import CLIENT, Pipeline

REQUEST_ID = "req-1"
BODY: dict[str, Any] = {
    "currency": "GBP",
    "lines": [{"sku": "TEA", "quantity": 2}],
    "payment_method": "pm_card_visa",
}


class Api:
    """Sends requests to the API in the mode `local`; `answer` is JSON read back."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Put the API together over a pipeline."""
        self.pipeline = pipeline
        read = ReadOrders(pipeline.orders, pipeline.refunds)
        self.api = OrdersApi(
            pipeline.submit, read, pipeline.request_cancel, pipeline.request_refund, auth_mode="local"
        )

    def send(self, route: str, *, client: str = CLIENT, **parts: Any) -> tuple[int, dict[str, Any]]:
        """Send a request; return status and body."""
        response = self.raw(route, client=client, **parts)
        return response["statusCode"], json.loads(response["body"])

    def raw(self, route: str, *, client: str = CLIENT, **parts: Any) -> dict[str, Any]:
        """Send a request; return the whole response. `headers` are added, None takes one away."""
        headers = {"x-orders-client": client, "content-type": "application/json", **parts.pop("headers", {})}
        event = {
            "routeKey": route,
            "headers": {name: value for name, value in headers.items() if value is not None},
            "requestContext": {"requestId": REQUEST_ID},
            **parts,
        }
        return self.api(event)

    def post(
        self, body: object = BODY, key: str | None = "key-1", **parts: Any
    ) -> tuple[int, dict[str, Any]]:
        """Submit an order; a text goes out as it is."""
        headers = {"idempotency-key": key, **parts.pop("headers", {})}
        text = body if isinstance(body, str) else json.dumps(body)
        return self.send("POST /v1/orders", headers=headers, body=text, **parts)

    def assert_nothing_written(self) -> None:
        """A refused request leaves no trace."""
        assert not self.pipeline.orders.heads
        assert not self.pipeline.orders.lines
        assert not self.pipeline.queue.sent
