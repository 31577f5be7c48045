"""`orders trace` over orders that really went through the deployed template."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from lambdas.domain.catalogue import Product
from lambdas.domain.identifiers import ClientId, order_id_for
from orders.deployment import local_deployment
from orders.local.run import PAYMENT_KEY
from orders.local.run_file import write_run_file
from orders.trace.agreement import compare
from orders.trace.as_json import trace_as_json
from orders.trace.gather import trace_order
from stacks.names import function_name
from tests.cli.test_local_run import ORDERS
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, eventually, refunds_ended

if TYPE_CHECKING:
    from pathlib import Path

    from orders.deployment import Deployment
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

SCREEN_LINES = 45
CONFIRM = "/v1/payment_intents/*/confirm"
CAPTURE = "/v1/payment_intents/*/capture"


@pytest.fixture
def deployment(pipeline: Pipeline) -> Deployment:
    """The local run as an operator's command finds it."""
    return local_deployment(pipeline.addresses)


@pytest.fixture
def home(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline as the commands find it."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path))
    write_run_file(pipeline.addresses)


def orders(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    return subprocess.run([ORDERS, *arguments], capture_output=True, text=True, timeout=60, check=False)


def traced(deployment: Deployment, order_id: str) -> dict[str, Any]:
    """Trace an order once the end of its last execution is logged."""

    def look() -> dict[str, Any]:
        trace = trace_order(deployment, order_id)
        assert trace is not None
        return trace_as_json(trace, compare(trace), deployment)

    return eventually(look, lambda story: all(e["receive"] for e in story["executions"] or [{"receive": 0}]))


def attempts(story: dict[str, Any]) -> list[list[tuple[str, str]]]:
    """Each execution's attempts, by what came of them."""
    return [
        [(a["step"], a["outcome"] or a["error_class"]) for a in execution["attempts"]]
        for execution in story["executions"]
    ]


SALE = [
    ("validate", "claimed"),
    ("authorise", "authorized"),
    ("fulfil", "shipped"),
    ("capture", "completed"),
]


@pytest.mark.usefixtures("home")
def test_a_completed_order_is_told_on_one_screen_and_in_json(
    pipeline: Pipeline, deployment: Deployment, mug: str
) -> None:
    client = pipeline.client("traced")
    order_id = client.submit(body((mug, 2), reference="a first one"), "completed").order["order_id"]
    ended(client, order_id)
    traced(deployment, order_id)
    done = orders("trace", order_id)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) <= SCREEN_LINES
    for told in (
        f"{order_id}  completed",
        'client traced, reference "a first one"',
        "24.00 GBP (tax 4.00), captured",
        "POST /v1/orders",
        "message 1, receive 1  done",
        "succeeded, 24.00 GBP captured",
        f"{mug}  2 shipped, 998 on hand now",
        "1 capture +",
        "all agree: captured, refunded, held, shipped, goods",
    ):
        assert told in done.stdout, told
    story = json.loads(orders("trace", order_id, "--json").stdout)
    assert story["agreement"]["verdict"] == "agree"
    assert attempts(story) == [SALE]
    (posted,) = [r for r in story["requests"] if r["route"] == "POST /v1/orders"]
    assert posted["status"] == 202
    (execution,) = story["executions"]
    assert execution["name"].startswith(order_id)
    assert execution["receive"]["message_id"] == story["messages"][0]["message_id"]
    times = [a["began_at"] for a in execution["attempts"]]
    assert times == sorted(times)
    assert story["order"]["accepted_at"] <= execution["receive"]["began_at"] <= times[0]
    assert all(0 <= a["duration_ms"] <= execution["receive"]["duration_ms"] for a in execution["attempts"])
    assert (story["payment"]["captured"], story["shipment"]["quantities"]) == (2400, {mug: 2})
    assert [entry["kind"] for entry in story["ledger"]] == ["capture"]
    assert story["not_read"] == {}


def test_a_declined_order_says_why_and_what_it_has_not(
    pipeline: Pipeline, deployment: Deployment, mug: str
) -> None:
    client = pipeline.client("traced declined")
    card = "pm_card_visa_chargeDeclinedInsufficientFunds"
    order_id = client.submit(body((mug, 1), card=card), "declined").order["order_id"]
    ended(client, order_id)
    story = traced(deployment, order_id)
    assert attempts(story) == [[("validate", "claimed"), ("authorise", "rejected")]]
    assert story["executions"][0]["attempts"][1]["reason"] == "payment_declined:insufficient_funds"
    assert story["payment"]["decline_code"] == "insufficient_funds"
    assert (story["shipment"], story["ledger"], story["stock"][0]["state"]) == (None, [], "not held")
    assert story["agreement"]["verdict"] == "agree"


def test_a_failed_attempt_and_its_retry_are_told(
    pipeline: Pipeline, deployment: Deployment, mug: str
) -> None:
    client = pipeline.client("traced retry")
    order_id = str(order_id_for(ClientId("traced retry"), "retry"))
    pipeline.provider.fault("error_before", path=CONFIRM, status=503, order_id=order_id)
    assert client.submit(body((mug, 1)), "retry").order["order_id"] == order_id
    ended(client, order_id)
    story = traced(deployment, order_id)
    assert attempts(story) == [[SALE[0], ("authorise", "PaymentOutcomeUnknown"), *SALE[1:]]]
    failed = story["executions"][0]["attempts"][1]
    assert (failed["error"], failed["outcome"]) == ("APIError (503)", None)
    assert story["agreement"]["verdict"] == "agree"


@pytest.mark.usefixtures("home")
def test_a_redelivery_is_a_second_execution_and_failures_are_counted(
    pipeline: Pipeline, deployment: Deployment, mug: str
) -> None:
    client = pipeline.client("traced redelivery")
    order_id = str(order_id_for(ClientId("traced redelivery"), "redelivery"))
    # Once more than a step is tried within one execution.
    pipeline.provider.fault("error_before", path=CAPTURE, status=503, count=4, order_id=order_id)
    client.submit(body((mug, 1)), "redelivery")
    ended(client, order_id)
    story = traced(deployment, order_id)
    unknown = ("capture", "PaymentOutcomeUnknown")
    assert attempts(story) == [[*SALE[:3], unknown, unknown, unknown], [*SALE[:3], unknown, SALE[3]]]
    receives = [execution["receive"] for execution in story["executions"]]
    assert [(r["receives"], r["decision"], r["step"], r["error_class"]) for r in receives] == [
        (1, "later", "capture", "PaymentOutcomeUnknown"),
        (2, "done", None, None),
    ]
    (message,) = story["messages"]
    assert (message["receives"], message["repeats"]) == (2, False)
    screen = orders("trace", order_id).stdout
    assert "Failures  4 attempts and 1 execution failed" in screen
    assert "capture:PaymentOutcomeUnknown: comes again" in screen
    assert len(screen.splitlines()) <= SCREEN_LINES


@pytest.mark.usefixtures("home")
def test_an_order_of_675_products_still_fits_a_screen(pipeline: Pipeline, deployment: Deployment) -> None:
    products = [Product(f"TRACED-{n:03d}", "GBP", {"list": 10}, 2000, 3) for n in range(675)]
    pipeline.stock(*products)
    client = pipeline.client("traced large")
    order_id = client.submit(body(*((p.sku, 1) for p in products)), "large").order["order_id"]
    ended(client, order_id)
    story = traced(deployment, order_id)
    assert len(story["lines"]) == len(story["stock"]) == 675
    assert {(line["state"], line["on_hand"]) for line in story["stock"]} == {("shipped", 2)}
    assert story["agreement"]["verdict"] == "agree"
    screen = orders("trace", order_id).stdout
    assert len(screen.splitlines()) <= SCREEN_LINES
    assert "and 670 SKUs more, shipped" in screen
    assert "675 SKUs, 675 pieces, shipped" in screen


def test_a_refund_is_told_from_its_request_to_its_entry(
    pipeline: Pipeline, deployment: Deployment, mug: str
) -> None:
    client = pipeline.client("traced refund")
    order_id = client.submit(body((mug, 2)), "sold").order["order_id"]
    ended(client, order_id)
    client.refund(order_id, refund_of(lines=[{"line": 1, "quantity": 1}], restock=True), "back")
    (made,) = refunds_ended(client, order_id)
    story = traced(deployment, order_id)
    assert attempts(story) == [
        SALE,
        [("claim", "claimed"), ("refund", "to_restock"), ("restock", "refunded")],
    ]
    receive = story["executions"][1]["receive"]
    assert (receive["command"], receive["refund_id"]) == ("refund", made["refund_id"])
    assert [(m["command"], m["repeats"]) for m in story["messages"]] == [
        ("process", False),
        ("refund", False),
    ]
    (refund,) = story["refunds"]
    assert (refund["status"], refund["returned"], refund["restocked"]) == ("succeeded", {mug: 1}, True)
    (at_provider,) = story["payment"]["refunds"]
    assert (at_provider["refund_id"], at_provider["amount"]) == (made["refund_id"], 1200)
    assert (story["stock"][0]["restocked"], story["stock"][0]["on_hand"]) == (1, 999)
    assert [entry["kind"] for entry in story["ledger"]] == ["capture", "refund"]
    assert story["agreement"]["verdict"] == "agree"
    routes = [r["route"] for r in story["requests"] if r["route"].startswith("POST")]
    assert routes == ["POST /v1/orders", "POST /v1/orders/{order_id}/refunds"]


def test_a_cancellation_is_told(pipeline: Pipeline, deployment: Deployment, mug: str) -> None:
    client = pipeline.client("traced cancel")
    order_id = str(order_id_for(ClientId("traced cancel"), "cancelled"))
    pipeline.provider.fault("hang_before", path=CONFIRM, seconds=1, order_id=order_id)
    client.submit(body((mug, 1)), "cancelled")
    client.cancel(order_id, b'{"reason_code":"mistake"}', "stop")
    assert ended(client, order_id)["status"] == "cancelled"
    story = eventually(
        lambda: traced(deployment, order_id),
        lambda told: [m["command"] for m in told["messages"]][-1:] == ["cancel"],
    )
    assert (story["order"]["cancellation"]["status"], story["order"]["reason"]) == ("done", "mistake")
    assert ("reject", "cancelled") in [a for execution in attempts(story) for a in execution]
    assert story["agreement"]["verdict"] == "agree"


@pytest.mark.usefixtures("home")
def test_a_contradiction_is_named_and_exits_3(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("traced contradiction")
    order_id = client.submit(body((mug, 1)), "contradiction").order["order_id"]
    ended(client, order_id)
    (intent,) = pipeline.intents(order_id)
    http = stripe.RequestsClient()
    at_provider = {"api": pipeline.addresses.payment_url}
    somebody = stripe.StripeClient(PAYMENT_KEY, base_addresses=at_provider, http_client=http)  # type: ignore[arg-type] # one address is enough
    somebody.v1.refunds.create({"payment_intent": intent["id"], "amount": 100})
    http.close()  # type: ignore[no-untyped-call] # theirs
    done = orders("trace", order_id)
    assert (done.returncode, done.stderr) == (3, "")
    assert "they DISAGREE" in done.stdout
    assert "refunded: order 0.00; refunds 0.00; provider 1.00; ledger 0.00" in done.stdout
    story = json.loads(orders("trace", order_id, "--json").stdout)
    assert story["agreement"]["verdict"] == "disagree"


def test_a_part_that_fails_hides_no_other(pipeline: Pipeline, deployment: Deployment, mug: str) -> None:
    client = pipeline.client("traced in part")
    order_id = client.submit(body((mug, 1)), "in part").order["order_id"]
    ended(client, order_id)
    outputs = {
        **deployment.outputs,
        "PaymentSecretName": "no/such/secret",
        "LedgerTableName": "no-such-table",
    }
    del outputs["WarehouseApiUrl"]
    story = traced(replace(deployment, outputs=outputs), order_id)
    assert set(story["not_read"]) == {"payment", "ledger", "shipment"}
    assert "ResourceNotFoundException" in story["not_read"]["payment"]
    assert "no output WarehouseApiUrl" in story["not_read"]["shipment"]
    assert attempts(story) == [SALE]
    assert story["stock"][0]["on_hand"] == 999


@pytest.mark.usefixtures("home")
def test_an_unknown_id_exits_1_a_malformed_one_2() -> None:
    unknown = orders("trace", "ord_" + "a" * 26)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.count("\n") == 1
    assert "there is no order ord_aaaaaaaaaaaaaaaaaaaaaaaaaa in the local run" in unknown.stderr
    malformed = orders("trace", "ord_42")
    assert (malformed.returncode, malformed.stdout) == (2, "")
    assert "'ord_42' is no order's id" in malformed.stderr
    contradiction = orders("trace", "ord_" + "a" * 26, "--region", "eu-west-1")
    assert contradiction.returncode == 2
    assert "want --env" in contradiction.stderr


@pytest.mark.parametrize(
    ("function", "action", "step"),
    [("validate", None, "validate"), ("payment", "capture", "capture"), ("fulfil", "fulfil", "fulfil")],
)
def test_a_step_that_fails_leaves_one_line_under_its_order(
    pipeline: Pipeline, function: Any, action: str | None, step: str
) -> None:
    order_id = str(order_id_for(ClientId("nobody"), function))
    event = {"order_id": order_id, "claim": "c-1", **({"action": action} if action else {})}
    answer = pipeline.aws("lambda").invoke(
        FunctionName=function_name("local", function), Payload=json.dumps(event).encode()
    )
    assert json.loads(answer["Payload"].read())["errorType"] == "OrderNotFound"
    logged = [text for text in pipeline.logs().splitlines() if order_id in text and text.startswith("{")]
    (line,) = map(json.loads, logged)
    assert (line["message"], line["service"], line["step"]) == ("step failed", function, step)
    assert (line["order_id"], line["claim"], line["error_class"]) == (order_id, "c-1", "OrderNotFound")


def test_the_local_run_says_who_works_on_it(deployment: Deployment) -> None:
    assert deployment.is_local
    assert str(deployment) == "the local run"
    assert deployment.identity.account == "000000000000"
    groups = {g["logGroupName"] for g in deployment.client("logs").describe_log_groups()["logGroups"]}
    assert set(deployment.log_groups().values()) <= groups
