"""One pipeline for the whole session: the synthesised template on the embedded engine, with the stand-ins."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.breaker import BREAKER_ID
from lambdas.domain.catalogue import Product
from orders.api_client import OrdersClient
from orders.local.aws import engine_client
from orders.local.run import LocalRun, Ports
from orders.local.run_file import write_run_file
from orders.local.standins.remote import RemoteControl
from orders.local.stock import put_products

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orders.local.run_file import Addresses

T = TypeVar("T")

TERMINAL = {"completed", "rejected", "cancelled"}
PATIENCE_SECONDS = 60.0
PORT_OPTIONS = ("--port", "--payment-port", "--warehouse-port", "--pagerduty-port")


@dataclass(frozen=True)
class Pipeline:
    """The pipeline as a test sees it: its API, and what lies behind."""

    addresses: Addresses

    @property
    def provider(self) -> RemoteControl:
        """The payment stand-in's control."""
        return RemoteControl(self.addresses.payment_url)

    @property
    def warehouse(self) -> RemoteControl:
        """The warehouse stand-in's control."""
        return RemoteControl(self.addresses.warehouse_url)

    @property
    def pagerduty(self) -> RemoteControl:
        """The PagerDuty stand-in's control."""
        return RemoteControl(self.addresses.pagerduty_url)

    def client(self, name: str, scopes: str = "orders:refund") -> OrdersClient:
        """A client of the API by name."""
        headers = {"X-Orders-Client": name, "X-Orders-Scopes": scopes}
        return OrdersClient(self.addresses.api_url, headers)

    def aws(self, service: str) -> Any:
        """An administrator's client."""
        return engine_client(service, self.addresses.engine_url)

    def stock(self, *products: Product) -> None:
        """Put products into the catalogue."""
        put_products(self.addresses, products)

    def restock(self, sku: str, on_hand: int) -> None:
        """Set what is left of a product."""
        self.aws("dynamodb").update_item(
            TableName=self.addresses.outputs["InventoryTableName"],
            Key={"sku": {"S": sku}},
            UpdateExpression="SET on_hand = :n",
            ExpressionAttributeValues={":n": {"N": str(on_hand)}},
        )

    def wait_until_the_queue_is_empty(self) -> None:
        """Wait until no message waits and none is in flight."""
        sqs, url = self.aws("sqs"), self.addresses.outputs["OrdersQueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        eventually(
            lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"],
            lambda a: all(int(v) == 0 for v in a.values()),
        )

    def item(self, table: str, **key: dict[str, str]) -> dict[str, Any]:
        """Read an item by the table's output name."""
        name = self.addresses.outputs[table]
        item: dict[str, Any] = self.aws("dynamodb").get_item(TableName=name, Key=key)["Item"]
        return item

    def on_hand(self, sku: str) -> int:
        """What is left of a SKU."""
        return int(self.item("InventoryTableName", sku={"S": sku})["on_hand"]["N"])

    def entries(self, order_id: str) -> list[dict[str, Any]]:
        """The journal entries of an order."""
        answer = self.aws("dynamodb").query(
            TableName=self.addresses.outputs["LedgerTableName"],
            KeyConditionExpression="order_id = :o",
            ExpressionAttributeValues={":o": {"S": order_id}},
        )
        items: list[dict[str, Any]] = answer["Items"]
        return items

    def intents(self, order_id: str) -> list[dict[str, Any]]:
        """The order's payments at the provider."""
        found: list[dict[str, Any]] = self.provider.call("GET", f"intents?order_id={order_id}")["intents"]
        return found

    def shipments(self, order_id: str) -> list[dict[str, Any]]:
        """The order's shipments at the warehouse."""
        return [s for s in self.all_shipments() if s["order_id"] == order_id]

    def all_shipments(self) -> list[dict[str, Any]]:
        """All shipments at the warehouse."""
        found: list[dict[str, Any]] = []
        while True:
            after = f"?after={found[-1]['order_id']}" if found else ""
            page = self.warehouse.call("GET", f"shipments{after}")
            found += page["shipments"]
            if not page["has_more"]:
                return found

    def logs(self) -> str:
        """Everything that all functions have logged."""
        logs = self.aws("logs")
        groups = [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]]
        return "\n".join(
            event["message"] for g in groups for event in logs.filter_log_events(logGroupName=g)["events"]
        )


def eventually(
    look: Callable[[], T],
    good: Callable[[T], bool],
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.1,
) -> T:
    """Look until what is seen is good; fail with what was seen last."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not so after {seconds:.0f} s: {seen}")
        time.sleep(pause)
    return seen


def ended(client: OrdersClient, order_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """Wait for an order to end."""
    return eventually(lambda: client.get(order_id), lambda o: o["status"] in TERMINAL, seconds)


def refunds_ended(client: OrdersClient, order_id: str) -> list[dict[str, Any]]:
    """Wait until nothing is left to do for an order's refunds."""

    def finished(refund: dict[str, Any]) -> bool:
        done = refund["status"] == "succeeded" and (refund["restocked"] or not refund["restock"])
        return done or refund["status"] in {"failed", "attention_required"}

    return eventually(lambda: client.refunds(order_id), lambda found: all(map(finished, found)))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def port_options(ports: list[int]) -> list[str]:
    """The options by which `orders up` is told to listen there."""
    pairs = zip(PORT_OPTIONS, map(str, ports), strict=True)
    return [text for pair in pairs for text in pair]


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Pipeline]:
    """Start the pipeline once."""
    with LocalRun(Ports(*free_ports(4)), None, lambda *_: None, announce=False) as run:
        yield Pipeline(run.addresses)


@pytest.fixture(autouse=True)
def _breaker_closed(pipeline: Pipeline) -> None:
    """Begin without the breaker of the test before: ramping up, one more failure would open it again.

    Its messages would be parked and come back as new ones, of which no test counts the receives.
    """
    table = pipeline.addresses.outputs["IdempotencyTableName"]
    pipeline.aws("dynamodb").delete_item(TableName=table, Key=to_item({"id": BREAKER_ID}))


@pytest.fixture
def mug(pipeline: Pipeline, request: pytest.FixtureRequest) -> str:
    """A product of the test's own, with plenty of stock."""
    sku = f"MUG-{request.node.name[:40]}"
    pipeline.stock(Product(sku, "GBP", {"list": 1200, "sale": 900}, 2000, 1000))
    return sku


@pytest.fixture
def home(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline as the commands find it."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    write_run_file(pipeline.addresses)
