"""Money that goes back, through the deployed template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain.catalogue import Product
from orders.api_client import ApiRefused
from tests.e2e.bodies import body, refund_of
from tests.e2e.conftest import ended, refunds_ended

if TYPE_CHECKING:
    from orders.api_client import OrdersClient
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine


def sold(client: OrdersClient, *lines: tuple[str, int]) -> str:
    """Sell an order and return its id."""
    order = ended(client, client.submit(body(*lines), f"sold {len(lines)}").order["order_id"])
    assert order["status"] == "completed"
    return str(order["order_id"])


def postings(pipeline: Pipeline, order_id: str) -> list[dict[str, int]]:
    """What each of the order's entries posts."""
    return [
        {p["M"]["account"]["S"]: int(p["M"]["amount"]["N"]) for p in entry["postings"]["L"]}
        for entry in pipeline.entries(order_id)
    ]


def test_lines_come_back_with_their_tax_and_to_the_shelf_and_then_the_rest(
    pipeline: Pipeline, mug: str
) -> None:
    client = pipeline.client("refunds")
    order_id = sold(client, (mug, 3))
    client.refund(order_id, refund_of(lines=[{"line": 1, "quantity": 2}], restock=True), "first")
    (refund,) = refunds_ended(client, order_id)
    assert (refund["status"], refund["amount"], refund["restocked"]) == ("succeeded", 2400, True)
    assert pipeline.on_hand(mug) == 999
    order = client.get(order_id)
    assert (order["payment_status"], order["refunded"], order["refund_pending"]) == (
        "partially_refunded",
        2400,
        0,
    )
    client.refund(order_id, refund_of(), "rest")
    refunds_ended(client, order_id)
    assert client.get(order_id)["payment_status"] == "refunded"
    (intent,) = pipeline.intents(order_id)
    assert (intent["captured"], intent["refunded"]) == (3600, 3600)
    assert postings(pipeline, order_id) == [
        {"Assets:Receivable:Stripe": 3600, "Income:Sales": -3000, "Liabilities:SalesTax": -600},
        {"Assets:Receivable:Stripe": -2400, "Income:Sales": 2000, "Liabilities:SalesTax": 400},
        {"Assets:Receivable:Stripe": -1200, "Income:Sales": 1000, "Liabilities:SalesTax": 200},
    ]
    reversing = pipeline.entries(order_id)[1]
    assert reversing["reverses"]["S"] == f"ent_{order_id[4:]}_1"
    assert reversing["reason_code"]["S"] == "returned"
    assert pipeline.on_hand(mug) == 999


def test_a_refund_without_the_scope_or_above_the_capture_is_refused(pipeline: Pipeline, mug: str) -> None:
    client = pipeline.client("refunds too much")
    order_id = sold(client, (mug, 1))
    with pytest.raises(ApiRefused) as refusal:
        pipeline.client("refunds too much", scopes="").refund(order_id, refund_of(), "k")
    assert (refusal.value.status, refusal.value.problem["code"]) == (403, "scope_required")
    with pytest.raises(ApiRefused) as refusal:
        client.refund(order_id, refund_of(amount=1201), "k")
    assert refusal.value.status == 422
    assert refusal.value.problem["errors"][0]["refundable"] == 1200
    with pytest.raises(ApiRefused) as refusal:
        pipeline.client("somebody else").refund(order_id, refund_of(), "k")
    assert refusal.value.status == 404


@pytest.mark.parametrize("fault", ["hang_after", "reset_after", "error_after"])
def test_a_refund_whose_answer_is_lost_is_made_once(pipeline: Pipeline, mug: str, fault: str) -> None:
    client = pipeline.client(f"refunds {fault}")
    order_id = sold(client, (mug, 1))
    pipeline.provider.fault(fault, method="POST", path="/v1/refunds", seconds=9)
    client.refund(order_id, refund_of(amount=500), "once")
    (refund,) = refunds_ended(client, order_id)
    assert refund["status"] == "succeeded"
    (intent,) = pipeline.intents(order_id)
    assert intent["refunded"] == 500
    assert [e.get("Assets:Receivable:Stripe") for e in postings(pipeline, order_id)] == [1200, -500]


def test_a_refund_that_the_provider_refuses_frees_its_amount_and_books_nothing(
    pipeline: Pipeline, mug: str
) -> None:
    client = pipeline.client("refunds disputed")
    order_id = sold(client, (mug, 1))
    (intent,) = pipeline.intents(order_id)
    pipeline.provider.call("POST", "disputes", {"payment_intent": intent["id"]})
    client.refund(order_id, refund_of(), "disputed")
    (refund,) = refunds_ended(client, order_id)
    assert (refund["status"], refund["failure"]) == ("failed", "charge_disputed")
    order = client.get(order_id)
    assert (order["payment_status"], order["refunded"], order["refund_pending"]) == ("captured", 0, 0)
    assert len(pipeline.entries(order_id)) == 1


def test_675_products_come_back_to_their_shelves(pipeline: Pipeline) -> None:
    products = [Product(f"BACK-{n:03d}", "GBP", {"list": 10}, 2000, 3) for n in range(675)]
    pipeline.stock(*products)
    client = pipeline.client("refunds all")
    order_id = sold(client, *((product.sku, 2) for product in products))
    client.refund(order_id, refund_of(restock=True), "all")
    (refund,) = refunds_ended(client, order_id)
    assert (refund["status"], refund["amount"], len(refund["lines"])) == ("succeeded", 13_500, 675)
    assert {pipeline.on_hand(f"BACK-{n:03d}") for n in (0, 97, 98, 99, 337, 674)} == {3}
    totals = [sum(e.values()) for e in postings(pipeline, order_id)]
    assert totals == [0, 0]
