"""The watchdog on the deployed template: its function, its role, its schedule and its metrics."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.adapters.dynamodb.catalogue import DynamoCatalogue
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.identifiers import ClientId, OrderId
from lambdas.domain.timestamps import to_text, utc_now
from lambdas.services.authorise_payment import AuthorisePayment
from lambdas.services.fulfil_order import FulfilOrder
from lambdas.services.request_refund import RequestRefund
from lambdas.services.submit_order import SubmitOrder
from orders.local.run import PAYMENT_KEY
from tests.adapters.payments import payments_at, secret_of
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, eventually, refunds_ended
from tests.e2e.test_commands import orders as run_orders
from tests.fakes.queue import InMemoryQueue
from tests.fakes.warehouse import InMemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

CLIENT: Final = ClientId("watched")
FUNCTION: Final = "orders-local-watchdog"
CLAIM_SECONDS: Final = 240
STOCK: Final = 1000
# The runs that these tests called for; all others are the schedule's.
CALLED: Final[list[dict[str, Any]]] = []


@pytest.fixture(autouse=True)
def _scheduled(pipeline: Pipeline, request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the schedule from looking after an order of the past while a test still makes it."""
    if request.node.name == "test_the_schedule_runs_it":
        yield
        return
    _set_schedule(pipeline, "DISABLED")
    yield
    _set_schedule(pipeline, "ENABLED")


def _set_schedule(pipeline: Pipeline, state: str) -> None:
    scheduler = pipeline.aws("scheduler")
    (name,) = [s["Name"] for s in scheduler.list_schedules()["Schedules"] if "Watchdog" in s["Name"]]
    schedule = scheduler.get_schedule(Name=name)
    kept = {k: schedule[k] for k in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**kept, State=state)


@dataclass(frozen=True)
class Past:
    """The pipeline's own services on the deployed tables, as they ran at a moment long gone.

    What they send goes to a queue that nobody reads, and their shipments to a warehouse of their own.
    """

    pipeline: Pipeline
    moment: datetime

    @property
    def orders(self) -> DynamoOrderStore:
        return DynamoOrderStore(self.pipeline.aws("dynamodb"), self.table("Orders"))

    def table(self, name: str) -> str:
        return self.pipeline.addresses.outputs[f"{name}TableName"]

    def now(self) -> datetime:
        return self.moment

    def submit(self, sku: str) -> OrderId:
        """Accept an order of two pieces."""
        catalogue = DynamoCatalogue(self.pipeline.aws("dynamodb"), self.table("Inventory"))
        submit = SubmitOrder(catalogue, self.orders, InMemoryQueue(), self.now)
        wish = json.loads(body((sku, 2)))
        return submit(CLIENT, str(uuid.uuid4()), wish, may_choose_price=False).order.order_id

    def reserve(self, order_id: OrderId) -> None:
        """Authorise and reserve an order, and die before anybody hears of it."""
        claim, until = "execution-of-old", int(self.moment.timestamp()) + CLAIM_SECONDS
        order = self.orders.claim(order_id, claim, until, to_text(self.moment))
        payments = payments_at(self.pipeline.addresses.payment_url, secret_of(PAYMENT_KEY))
        AuthorisePayment(self.orders, payments, self.now)(order, claim)
        stock = DynamoStock(self.pipeline.aws("dynamodb"), self.table("Inventory"), self.table("Orders"))
        FulfilOrder(self.orders, stock, InMemoryWarehouse(), self.now)(order_id, claim)

    def ask_refund(self, order_id: OrderId, amount: int) -> str:
        """Accept a refund."""
        refunds = DynamoRefunds(self.pipeline.aws("dynamodb"), self.table("Orders"))
        request = RequestRefund(self.orders, refunds, InMemoryQueue(), self.now)
        return request(CLIENT, order_id, "refund", json.loads(refund_of(amount=amount))).refund.refund_id


def ago(pipeline: Pipeline, **age: float) -> Past:
    return Past(pipeline, utc_now() - timedelta(**age))


def run_watchdog(pipeline: Pipeline) -> dict[str, Any]:
    """Run it beside its schedule, which may be running it at this moment."""
    client = pipeline.aws("lambda")

    def invoke() -> dict[str, Any]:
        answer = client.invoke(FunctionName=FUNCTION, Payload=b"{}")
        report: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, report
        CALLED.append(report)
        return report

    try:
        return invoke()
    except client.exceptions.TooManyRequestsException:
        time.sleep(2)
        return invoke()


def watchdog_log(pipeline: Pipeline) -> list[dict[str, Any]]:
    """What the function has logged, oldest first."""
    events = pipeline.aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{FUNCTION}")["events"]
    return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]


def said_of(pipeline: Pipeline, order_id: OrderId) -> list[tuple[str, str]]:
    """Level and message of what the watchdog had to say of an order."""
    lines = watchdog_log(pipeline)
    return [(line["level"], line["message"]) for line in lines if line.get("order_id") == order_id]


def test_an_order_whose_message_is_lost_is_completed(pipeline: Pipeline, mug: str) -> None:
    order_id = ago(pipeline, minutes=10).submit(mug)
    run_watchdog(pipeline)
    order = ended(pipeline.client(CLIENT), order_id)
    assert (order["status"], order["payment_status"]) == ("completed", "captured")
    assert pipeline.on_hand(mug) == STOCK - 2
    pipeline.wait_until_the_queue_is_empty()
    assert len(pipeline.shipments(order_id)) == 1
    assert len(pipeline.entries(order_id)) == 1
    assert said_of(pipeline, order_id) == [("INFO", "order handed back")]


def test_an_order_whose_execution_died_goes_on_where_it_stood(pipeline: Pipeline, mug: str) -> None:
    past = ago(pipeline, minutes=10)
    order_id = past.submit(mug)
    past.reserve(order_id)
    (before,) = pipeline.intents(order_id)
    run_watchdog(pipeline)
    assert ended(pipeline.client(CLIENT), order_id)["status"] == "completed"
    (intent,) = pipeline.intents(order_id)
    assert (intent["id"], intent["captured"]) == (before["id"], 2400)
    assert pipeline.on_hand(mug) == STOCK - 2


def test_a_refund_whose_message_is_lost_is_made(pipeline: Pipeline, mug: str) -> None:
    client, past = pipeline.client(CLIENT), ago(pipeline, minutes=10)
    order_id = past.submit(mug)
    run_watchdog(pipeline)
    ended(client, order_id)
    refund_id = past.ask_refund(order_id, 300)
    run_watchdog(pipeline)
    (refund,) = refunds_ended(client, order_id)
    assert (refund["refund_id"], refund["status"]) == (refund_id, "succeeded")
    (intent,) = pipeline.intents(order_id)
    assert intent["refunded"] == 300


def test_an_authorisation_that_gets_too_old_is_given_up_with_its_goods(pipeline: Pipeline, mug: str) -> None:
    past = ago(pipeline, days=5, minutes=1)
    order_id = past.submit(mug)
    past.reserve(order_id)
    (intent,) = pipeline.intents(order_id)
    assert (intent["status"], pipeline.on_hand(mug)) == ("requires_capture", STOCK - 2)
    run_watchdog(pipeline)
    order = ended(pipeline.client(CLIENT), order_id)
    assert (order["status"], order["reason"]) == ("rejected", "authorization_expiring")
    assert (order["payment_status"], order["fulfillment_status"]) == ("voided", "released")
    (intent,) = pipeline.intents(order_id)
    assert (intent["status"], intent["captured"]) == ("canceled", 0)
    assert pipeline.on_hand(mug) == STOCK
    assert pipeline.shipments(order_id) == []
    assert pipeline.entries(order_id) == []
    assert said_of(pipeline, order_id) == [("WARNING", "authorisation given up")]


@pytest.mark.usefixtures("home")
def test_an_authorisation_that_an_operator_holds_is_only_told_of(pipeline: Pipeline, mug: str) -> None:
    past = ago(pipeline, days=4, hours=23)
    order_id = past.submit(mug)
    past.reserve(order_id)
    held = run_orders("hold", order_id)
    assert (held.returncode, held.stdout) == (0, "")
    assert f"orders hold {order_id} --off" in held.stderr
    _let_time_pass(pipeline, order_id, timedelta(hours=2))
    run_watchdog(pipeline)
    assert ("WARNING", "authorisation expiring") in said_of(pipeline, order_id)
    kept = past.orders.get(order_id)
    assert kept is not None
    assert (kept.held, kept.expiring) == (True, False)
    off = run_orders("hold", order_id, "--off", "--json")
    assert json.loads(off.stdout)["held"] is False
    run_watchdog(pipeline)
    order = ended(pipeline.client(CLIENT), order_id)
    assert order["reason"] == "authorization_expiring"
    refused = run_orders("hold", order_id)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{order_id} has ended (rejected)" in refused.stderr


def test_the_schedule_runs_it(pipeline: Pipeline) -> None:
    """Within a minute of the start, though nobody calls it."""

    def runs() -> int:
        return sum(line.get("message") == "open orders watched" for line in watchdog_log(pipeline))

    eventually(runs, lambda count: count > len(CALLED), seconds=100, pause=1)


def test_the_metrics_are_those_that_the_alarms_watch(pipeline: Pipeline) -> None:
    """The names and dimensions that `tests/stacks/test_operations.py` finds in the template."""
    run_watchdog(pipeline)
    written = [line for line in watchdog_log(pipeline) if "_aws" in line][-1]
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Orders"
    assert [set(names) for names in directive["Dimensions"]] == [{"environment", "service"}]
    assert (written["environment"], written["service"]) == ("local", "watchdog")
    names = {"OrdersHandedBack", "AuthorisationsExpiring", "AuthorisationsExpired", "OrdersStuck"}
    assert {(metric["Name"], metric["Unit"]) for metric in directive["Metrics"]} == {
        (name, "Count") for name in names
    }
    assert all(len(written[name]) == 1 for name in names)


def _let_time_pass(pipeline: Pipeline, order_id: OrderId, span: timedelta) -> None:
    """Move the payment back in time: the watchdog's function has this machine's clock."""
    orders = Past(pipeline, utc_now()).orders
    head = orders.get(order_id)
    assert head is not None
    (created,) = [event for event in head.timeline if event.name == "payment_created"]
    earlier = to_text(type(utc_now()).fromisoformat(created.at) - span)
    timeline = [{"S": f"{earlier if event == created else event.at} {event.name}"} for event in head.timeline]
    pipeline.aws("dynamodb").update_item(
        TableName=orders.table,
        Key={"order_id": {"S": order_id}, "item": {"S": "HEAD"}},
        UpdateExpression="SET timeline = :timeline",
        ExpressionAttributeValues={":timeline": {"L": timeline}},
    )
