"""Orders through the deployed template: what the client sees, and what happened behind it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.catalogue import Product
from tests.e2e.bodies import body
from tests.e2e.conftest import ended, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine


def test_an_order_is_paid_shipped_and_booked(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("alice")
    order_id = client.submit(body((mug, 2)), "paid")
    order = ended(client, order_id.order["order_id"])
    assert (order["status"], order["payment_status"], order["fulfillment_status"]) == (
        "completed",
        "captured",
        "shipped",
    )
    assert [e["event"] for e in order["timeline"]] == [
        "accepted",
        "processing",
        "payment_created",
        "authorized",
        "reserved",
        "shipped",
        "captured",
        "completed",
    ]
    (intent,) = pipeline.intents(order["order_id"])
    assert (intent["status"], intent["captured"]) == ("succeeded", 2400)
    assert pipeline.on_hand(mug) == 998
    (entry,) = pipeline.entries(order["order_id"])
    assert {p["M"]["account"]["S"]: int(p["M"]["amount"]["N"]) for p in entry["postings"]["L"]} == {
        "Assets:Receivable:Stripe": 2400,
        "Income:Sales": -2000,
        "Liabilities:SalesTax": -400,
    }


def test_the_same_order_fifty_times_at_once_is_one_of_everything(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("bob")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.submit(body((mug, 3)), "fifty"), range(50)))
    assert len({a.order["order_id"] for a in answers}) == 1
    assert sum(not a.replayed for a in answers) == 1
    assert all(a.order == answers[0].order for a in answers)
    order_id = answers[0].order["order_id"]
    assert ended(client, order_id)["status"] == "completed"
    pipeline.wait_until_the_queue_is_empty()
    assert len(pipeline.intents(order_id)) == 1
    assert len(pipeline.shipments(order_id)) == 1
    assert len(pipeline.entries(order_id)) == 1
    assert pipeline.on_hand(mug) == 997


def test_a_declined_card_rejects_and_moves_nothing(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("carol")
    card = "pm_card_visa_chargeDeclinedInsufficientFunds"
    order = ended(client, client.submit(body((mug, 1), card=card), "declined").order["order_id"])
    assert (order["status"], order["payment_status"]) == ("rejected", "declined")
    assert order["reason"] == "payment_declined:insufficient_funds"
    assert pipeline.on_hand(mug) == 1000
    assert pipeline.entries(order["order_id"]) == []


def test_out_of_stock_voids_the_payment(pipeline: Pipeline) -> None:
    pipeline.stock(
        Product("SCARCE", "GBP", {"list": 5000}, 0, 1), Product("PLENTY", "GBP", {"list": 100}, 0, 9)
    )
    client = pipeline.client("dave")
    order_id = client.submit(body(("PLENTY", 2), ("SCARCE", 2)), "scarce").order["order_id"]
    order = ended(client, order_id)
    assert (order["status"], order["reason"]) == ("rejected", "out_of_stock")
    assert (order["payment_status"], order["fulfillment_status"]) == ("voided", "out_of_stock")
    (intent,) = pipeline.intents(order_id)
    assert intent["status"] == "canceled"
    assert (pipeline.on_hand("SCARCE"), pipeline.on_hand("PLENTY")) == (1, 9)


def test_the_last_one_is_sold_once(pipeline: Pipeline) -> None:
    pipeline.stock(Product("LAST", "GBP", {"list": 5000}, 0, 5))
    client = pipeline.client("erin")
    with ThreadPoolExecutor(12) as pool:
        ids = list(
            pool.map(lambda n: client.submit(body(("LAST", 1)), f"last-{n}").order["order_id"], range(12))
        )
    statuses = sorted(ended(client, i)["status"] for i in ids)
    assert statuses == ["completed"] * 5 + ["rejected"] * 7
    assert pipeline.on_hand("LAST") == 0


def test_an_order_of_675_products_is_held_whole_or_not_at_all(pipeline: Pipeline) -> None:
    products = [Product(f"BULK-{n:03d}", "GBP", {"list": 10}, 2000, 3) for n in range(675)]
    pipeline.stock(*products)
    client = pipeline.client("frank")
    lines = [(p.sku, 2) for p in products]
    first = client.submit(body(*lines), "bulk-1").order["order_id"]
    assert ended(client, first)["status"] == "completed"
    second = client.submit(body(*lines), "bulk-2").order["order_id"]
    order = ended(client, second)
    assert (order["status"], order["reason"]) == ("rejected", "out_of_stock")
    assert {pipeline.on_hand(f"BULK-{n:03d}") for n in (0, 97, 98, 99, 337, 674)} == {1}
    (shipment,) = pipeline.shipments(first)
    assert len(shipment["lines"]) == 675


def test_an_order_of_total_zero_takes_no_payment_and_books_nothing(pipeline: Pipeline) -> None:
    pipeline.stock(Product("GIFT", "GBP", {"list": 0}, 2000, 5))
    client = pipeline.client("grace")
    order = ended(client, client.submit(body(("GIFT", 1), card=None), "gift").order["order_id"])
    assert (order["status"], order["payment_status"]) == ("completed", "not_required")
    assert pipeline.intents(order["order_id"]) == []
    assert pipeline.entries(order["order_id"]) == []
    assert pipeline.on_hand("GIFT") == 4


def test_a_provider_that_hangs_after_charging_charges_once(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("heidi")
    pipeline.provider.fault("hang_after", path="/v1/payment_intents/*/capture", seconds=9)
    order_id = client.submit(body((mug, 1)), "hang").order["order_id"]
    assert ended(client, order_id)["status"] == "completed"
    (intent,) = pipeline.intents(order_id)
    assert intent["captured"] == 1200
    assert len(pipeline.entries(order_id)) == 1


def test_a_warehouse_that_fails_for_a_while_delays_and_loses_nothing(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("ivan")
    pipeline.warehouse.fault("error_after", count=4, status=503)
    order_id = client.submit(body((mug, 1)), "warehouse").order["order_id"]
    order = ended(client, order_id)
    assert order["status"] == "completed"
    assert len(pipeline.shipments(order_id)) == 1
    assert pipeline.on_hand(mug) == 999
    assert "attention_required" not in {e["event"] for e in order["timeline"]}


def test_the_outcome_is_published_once_with_cloudevents_attributes(pipeline: Pipeline, mug: str) -> None:
    sqs, events = pipeline.aws("sqs"), pipeline.aws("events")
    url = sqs.create_queue(QueueName="outcomes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = pipeline.addresses.outputs["EventBusName"]
    events.put_rule(Name="outcomes", EventBusName=bus, EventPattern=json.dumps({"source": ["orders.local"]}))
    events.put_targets(Rule="outcomes", EventBusName=bus, Targets=[{"Id": "q", "Arn": arn}])
    client = pipeline.client("judy")
    order_id = client.submit(body((mug, 1)), "event").order["order_id"]
    ended(client, order_id)
    received = eventually(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []), bool
    )
    details = [json.loads(m["Body"])["detail"] for m in received]
    (detail,) = [d for d in details if d["subject"] == order_id]
    assert detail["type"] == "order.completed.v1"
    assert detail["id"] == f"{order_id}.completed"
    assert detail["data"]["total"] == 1200
    events.remove_targets(Rule="outcomes", EventBusName=bus, Ids=["q"])
