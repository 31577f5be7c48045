"""Races on the deployed template: whoever comes first, stock and money are conserved.

`ORDERS_RACES` says how often each is run: `make races` runs 500 of each.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest

from orders.api_client import ApiRefused
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, eventually, refunds_ended

if TYPE_CHECKING:
    from orders.api_client import OrdersClient
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

RACES: Final = int(os.environ.get("ORDERS_RACES", "20"))
RACERS: Final = 4
PRICE: Final = 1200
EVENTS: Final = 8  # of an order that is sold


def test_cancel_and_process(pipeline: Pipeline, mug: str) -> None:
    pipeline.restock(mug, 10 * RACES)
    client = pipeline.client("race of cancellations")
    chance = random.Random(RACES)  # noqa: S311 - only a spread of moments
    # How many events the order has when it is cancelled: from accepted to completed, and a little later.
    moments = [(chance.randint(1, EVENTS), chance.uniform(0, 0.02)) for _ in range(RACES)]

    def race(number: int) -> tuple[str, str]:
        events, later = moments[number]
        order_id = client.submit(body((mug, 2)), f"race-{number}").order["order_id"]
        if events > 1:
            eventually(lambda: client.get(order_id), lambda o: len(o["timeline"]) >= events, pause=0.002)
        time.sleep(later)
        return order_id, _cancel(client, order_id, f"cancel-{number}")

    with ThreadPoolExecutor(RACERS) as pool:
        answers = dict(pool.map(race, range(RACES)))
    orders = [ended(client, order_id) for order_id in answers]
    shipped = {shipment["order_id"] for shipment in pipeline.all_shipments()}
    for order in orders:
        order_id, sold = order["order_id"], order["status"] == "completed"
        assert order["status"] in {"completed", "cancelled"}, order
        assert sold or answers[order_id] == "requested"
        wish = (order["cancellation"] or {"status": "use_refund"})["status"]
        assert wish == {"requested": "refused" if sold else "done"}.get(answers[order_id], answers[order_id])
        assert (order_id in shipped) == sold
        captured = sum(intent["captured"] for intent in pipeline.intents(order_id))
        held = [i for i in pipeline.intents(order_id) if i["status"] == "requires_capture"]
        assert (captured, held) == (2 * PRICE if sold else 0, [])
        assert len(pipeline.entries(order_id)) == (1 if sold else 0)
    sold_orders = sum(order["status"] == "completed" for order in orders)
    assert pipeline.on_hand(mug) == 10 * RACES - 2 * sold_orders
    ends = Counter((order["status"], answers[order["order_id"]]) for order in orders)
    print(f"\n{RACES} cancellations raced: {dict(ends)}")  # noqa: T201 - the run's figures
    assert 0 < sold_orders < RACES, "nobody raced: every one ended alike"


def test_refund_and_refund(pipeline: Pipeline, mug: str) -> None:
    pipeline.restock(mug, 10 * RACES)
    client = pipeline.client("race of refunds")
    sold = _sell(client, mug, RACES)
    wishes = (
        refund_of(),
        refund_of(amount=1500),
        refund_of(lines=[{"line": 1, "quantity": 2}], restock=True),
        refund_of(lines=[{"line": 1, "quantity": 1}], restock=True),
    )

    def ask(number: int) -> tuple[str, str]:
        order_id, kind = sold[number // len(wishes)], number % len(wishes)
        try:
            client.refund(order_id, wishes[kind], f"refund-{kind}")
        except ApiRefused as refusal:
            return order_id, str(refusal.problem["errors"][0]["code"])
        return order_id, "accepted"

    with ThreadPoolExecutor(2 * len(wishes)) as pool:
        answers = Counter(pool.map(ask, range(RACES * len(wishes))))
    _check_conserved(pipeline, client, sold, mug)
    accepted = Counter({order_id: n for (order_id, answer), n in answers.items() if answer == "accepted"})
    refused = {answer for _, answer in answers} - {"accepted"}
    assert refused <= {"exceeds_refundable", "nothing_to_refund"}
    assert set(accepted) == set(sold)
    print(f"\n{RACES} orders, refunds accepted per order: {dict(Counter(accepted.values()))}")  # noqa: T201 - as above


def test_refund_and_duplicate_delivery(pipeline: Pipeline, mug: str) -> None:
    pipeline.restock(mug, 10 * RACES)
    client = pipeline.client("race of duplicates")
    sold = _sell(client, mug, RACES)
    sqs, queue = pipeline.aws("sqs"), pipeline.addresses.outputs["OrdersQueueUrl"]

    def ask(order_id: str) -> None:
        wish = refund_of(lines=[{"line": 1, "quantity": 1}], restock=True)
        refund = client.refund(order_id, wish, "refund").order
        command = {"command": "refund", "order_id": order_id, "refund_id": refund["refund_id"]}
        for _ in range(3):
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(command))
        assert client.refund(order_id, wish, "refund").replayed

    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(ask, sold))
    pipeline.wait_until_the_queue_is_empty()
    _check_conserved(pipeline, client, sold, mug)
    for order_id in sold:
        (intent,) = pipeline.intents(order_id)
        assert intent["refunded"] == PRICE
        assert len(pipeline.entries(order_id)) == 2


def _cancel(client: OrdersClient, order_id: str, key: str) -> str:
    try:
        return str(client.cancel(order_id, b"{}", key)["status"])
    except ApiRefused as refusal:
        return str(refusal.problem["code"])


def _sell(client: OrdersClient, sku: str, count: int) -> list[str]:
    with ThreadPoolExecutor(RACERS) as pool:
        made = pool.map(lambda n: client.submit(body((sku, 2)), f"sold-{n}").order["order_id"], range(count))
        ids = list(made)
    assert {ended(client, order_id)["status"] for order_id in ids} == {"completed"}
    return ids


def _check_conserved(pipeline: Pipeline, client: OrdersClient, sold: list[str], sku: str) -> None:
    """Head, refunds, provider and ledger agree on every order, and what came back is on the shelf."""
    back = 0
    for order_id in sold:
        refunds = refunds_ended(client, order_id)
        assert {refund["status"] for refund in refunds} == {"succeeded"}
        total = sum(refund["amount"] for refund in refunds)
        order = client.get(order_id)
        assert (order["refunded"], order["refund_pending"]) == (total, 0)
        assert total <= order["total"]
        (intent,) = pipeline.intents(order_id)
        assert intent["refunded"] == total
        entries = pipeline.entries(order_id)
        assert [int(entry["entry_no"]["N"]) for entry in entries] == list(range(1, len(refunds) + 2))
        assert sum(_receivable(entry) for entry in entries) == order["total"] - total
        back += sum(part["quantity"] for r in refunds if r["restocked"] for part in r["lines"])
    assert pipeline.on_hand(sku) == 10 * RACES - 2 * len(sold) + back


def _receivable(entry: dict[str, Any]) -> int:
    postings = (posting["M"] for posting in entry["postings"]["L"])
    return sum(int(p["amount"]["N"]) for p in postings if p["account"]["S"] == "Assets:Receivable:Stripe")
