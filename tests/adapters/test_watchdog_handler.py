"""The watchdog's entry point: what a run leaves in the log, also one that failed."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.clients import make_client
from tests.adapters.endpoints import refusing_port
from tests.adapters.examples import an_order
from tests.adapters.tables import ORDERS
from tests.fakes.fresh_metrics import with_fresh_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

HANDLER = "lambdas.watchdog.handler"


@dataclass(frozen=True)
class Context:
    """What Powertools' logger and the handler read of Lambda's context."""

    function_name: str = "watchdog"
    memory_limit_in_mb: str = "512"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:watchdog"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 50_000


@pytest.fixture
def queue_url(aws: None) -> str:  # noqa: ARG001 - moto has to run
    url: str = make_client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    return url


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Load the module as Lambda does, with a queue; its logger takes the output that there is then."""
    variables = {
        "ENVIRONMENT": "dev",
        "ORDERS_TABLE": ORDERS,
        "STALE_MINUTES": "30",
        "AUTHORISATION_WARNING_DAYS": "3",
        "AUTHORISATION_EXPIRY_DAYS": "5",
        "POWERTOOLS_SERVICE_NAME": "watchdog",
        "POWERTOOLS_METRICS_NAMESPACE": "Orders",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with_fresh_metrics(monkeypatch)

    def load(queue_url: str) -> ModuleType:
        monkeypatch.setenv("ORDERS_QUEUE_URL", queue_url)
        return importlib.import_module(HANDLER)

    yield load
    sys.modules.pop(HANDLER, None)
    logging.Logger.manager.loggerDict.pop("watchdog", None)  # it keeps the output of this test


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_reports_in_one_line_and_in_metrics(
    load: Callable[[str], ModuleType],
    orders: DynamoOrderStore,
    queue_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = an_order(accepted_at="2026-01-01T00:00:00.000Z")
    orders.create(order)
    report = load(queue_url).handle({}, Context())
    assert report == {
        "looked_at": 1,
        "handed_back": 1,
        "expiring": 0,
        "expired": 0,
        "stuck": 0,
        "failed": 0,
        "left_from": None,
        "fault": None,
    }
    told, summary, metrics = logged(capsys)
    assert (told["message"], told["order_id"], told["level"]) == ("order handed back", order.order_id, "INFO")
    assert {name: summary.get(name) for name in report} == report
    assert (metrics["OrdersHandedBack"], metrics["AuthorisationsExpiring"]) == ([1.0], [0.0])
    assert (metrics["environment"], metrics["service"]) == ("dev", "watchdog")
    received = make_client("sqs").receive_message(QueueUrl=queue_url)["Messages"]
    assert [json.loads(m["Body"]) for m in received] == [{"command": "process", "order_id": order.order_id}]


def test_a_run_that_could_not_do_all_fails_after_its_report(
    load: Callable[[str], ModuleType],
    orders: DynamoOrderStore,
    queue_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    orders.create(an_order(accepted_at="2026-01-01T00:00:00.000Z"))
    make_client("sqs").delete_queue(QueueUrl=queue_url)
    handler = load(queue_url)
    with pytest.raises(handler.WatchIncomplete, match="1 orders failed"):
        handler.handle({}, Context())
    told, summary, metrics = logged(capsys)
    assert (told["level"], told["fault"].partition(":")[0]) == ("ERROR", "QueueUnavailable")
    assert (summary["failed"], summary["handed_back"]) == (1, 0)
    assert metrics["OrdersHandedBack"] == [0.0]


def test_a_store_that_is_down_fails_the_run_with_its_reason(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{refusing_port()}")
    handler = load("https://sqs.eu-west-1.amazonaws.com/123456789012/orders")
    with pytest.raises(handler.WatchIncomplete, match="StoreUnavailable"):
        handler.handle({}, Context())
    summary, metrics = logged(capsys)
    assert (summary["looked_at"], summary["fault"].partition(":")[0]) == (0, "StoreUnavailable")
    assert metrics["OrdersHandedBack"] == [0.0]
