"""Refunds in the orders table: read, requested, saved, set aside, and what a lost answer means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.adapters.dynamodb.order_items import head_key
from lambdas.adapters.dynamodb.refunds import DynamoRefunds, refund_from_item, refund_key, refund_to_item
from lambdas.domain.errors import ClaimLost, OrderNotFound, StoreUnavailable
from lambdas.domain.order import RefundSums
from lambdas.domain.refund import REASON_CODES, Refund, RefundLine, RefundStatus
from lambdas.domain.transitions import next_key_generation, refund_failed, refund_requested
from tests.adapters.examples import CLAIM, MUCH_LATER, an_order, claim_order, stored
from tests.adapters.recording import RecordingClient, cancelled, client_error
from tests.adapters.refund_examples import ASKED_AT, a_refund, claim_sold, requested, sold, succeeded
from tests.adapters.tables import ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order

FOREIGN = "ord_a-execution-2"
ORDER_ID = an_order().order_id
TIMED_OUT = ReadTimeoutError(endpoint_url="dynamodb")


@pytest.fixture
def refunds(dynamodb: Any) -> DynamoRefunds:
    return DynamoRefunds(dynamodb, ORDERS)


@pytest.fixture
def order(orders: DynamoOrderStore) -> Order:
    return sold(orders)


def recording(dynamodb: Any) -> tuple[RecordingClient, DynamoRefunds]:
    client = RecordingClient(dynamodb)
    return client, DynamoRefunds(client, ORDERS)


def refund_items(dynamodb: Any) -> list[dict[str, Any]]:
    items = dynamodb.scan(TableName=ORDERS)["Items"]
    return [item for item in items if item["item"]["S"].startswith("REFUND#")]


def failed(refund: Refund) -> Refund:
    return replace(refund, status=RefundStatus.FAILED, failure="charge_disputed", updated_at=MUCH_LATER)


@pytest.mark.parametrize(
    "refund",
    [
        a_refund(),
        a_refund(lines=(RefundLine(2, 1), RefundLine(1, 100_000)), restock=True),
        succeeded(a_refund(restock=True, restocked=True)),
        failed(a_refund()),
        a_refund(status=RefundStatus.ATTENTION_REQUIRED, failure="refund:PaymentOutcomeUnknown"),
        *(a_refund(reason_code=code) for code in REASON_CODES),
    ],
)
def test_a_refund_comes_back_as_it_was_written(dynamodb: Any, refunds: DynamoRefunds, refund: Refund) -> None:
    dynamodb.put_item(TableName=ORDERS, Item=refund_to_item(refund))
    assert refunds.refund(refund.order_id, refund.refund_id) == refund
    assert refunds.refunds_of(refund.order_id) == (refund,)


def test_a_refund_lies_beside_its_orders_head() -> None:
    item = refund_to_item(a_refund())
    assert (item["order_id"]["S"], item["item"]["S"]) == (ORDER_ID, f"REFUND#{a_refund().refund_id}")
    assert item == {**item, **refund_key(ORDER_ID, a_refund().refund_id)}


def test_a_refund_is_in_neither_index(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, order: Order
) -> None:
    """A client's list and the watch over open orders are of heads alone."""
    requested(orders, refunds, a_refund())
    for index in ("by_client", "open_orders"):
        items = dynamodb.scan(TableName=ORDERS, IndexName=index)["Items"]
        assert [item["item"]["S"] for item in items] == ["HEAD"]
    assert [o.order_id for o in orders.page(order.client, None, 10).orders] == [order.order_id]


def test_a_refund_that_nobody_asked_for_is_none(refunds: DynamoRefunds) -> None:
    assert refunds.refund(ORDER_ID, a_refund().refund_id) is None
    assert refunds.refunds_of(ORDER_ID) == ()


def test_all_refunds_are_found_over_pages_oldest_first(dynamodb: Any) -> None:
    mine = [a_refund(str(n), requested_at=f"2026-11-20T10:{59 - n:02}:00.000Z") for n in range(7)]
    for refund in (*mine, a_refund(order_id=an_order("key-2").order_id)):
        dynamodb.put_item(TableName=ORDERS, Item=refund_to_item(refund))
    marker = {"order_id": {"S": ORDER_ID}, "item": {"S": "RESTOCK#ref_x#0000"}}
    dynamodb.put_item(TableName=ORDERS, Item=marker)

    class PagesOfTwo:
        def query(self, **parameters: Any) -> Any:
            assert parameters["ConsistentRead"] is True
            return dynamodb.query(**parameters, Limit=2)

    assert DynamoRefunds(PagesOfTwo(), ORDERS).refunds_of(ORDER_ID) == tuple(reversed(mine))


def test_requesting_writes_head_and_refund_and_opens_the_order_again(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, order: Order
) -> None:
    assert not dynamodb.scan(TableName=ORDERS, IndexName="open_orders")["Items"]
    after = refund_requested(order, ASKED_AT, 1000)
    assert refunds.request(after, a_refund()) is True
    assert stored(orders, order) == after
    assert after.refunds == RefundSums(reserved=1000, unfinished=1)
    assert refunds.refund(ORDER_ID, a_refund().refund_id) == a_refund()
    assert len(dynamodb.scan(TableName=ORDERS, IndexName="open_orders")["Items"]) == 1


def test_requesting_leaves_the_claim_of_another_refund_alone(
    orders: DynamoOrderStore, refunds: DynamoRefunds, order: Order
) -> None:
    requested(orders, refunds, a_refund("first"))
    held = claim_sold(orders, order)
    assert refunds.request(refund_requested(held, MUCH_LATER, 1000), a_refund())
    head = stored(orders, order)
    assert (head.claim, head.claim_until) == (CLAIM, held.claim_until)
    assert head.refunds == RefundSums(reserved=2000, unfinished=2)


def test_requesting_over_a_head_that_was_changed_writes_neither(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, order: Order
) -> None:
    requested(orders, refunds, a_refund("faster"))
    before = stored(orders, order)
    assert refunds.request(refund_requested(order, ASKED_AT, 1000), a_refund()) is False
    assert stored(orders, order) == before
    assert len(refund_items(dynamodb)) == 1


def test_requesting_under_an_id_that_is_taken_writes_neither(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, order: Order
) -> None:
    before = requested(orders, refunds, a_refund())
    again = a_refund(amount=5)
    assert refunds.request(refund_requested(before, MUCH_LATER, 5), again) is False
    assert stored(orders, order) == before
    assert [refund_from_item(item) for item in refund_items(dynamodb)] == [a_refund()]


def test_a_request_whose_answer_was_lost_is_found_when_it_is_looked_for(
    orders: DynamoOrderStore, dynamodb: Any, order: Order
) -> None:
    client, refunds = recording(dynamodb)
    client.after = lambda name, _number: TIMED_OUT if name == "transact_write_items" else None
    with pytest.raises(StoreUnavailable):
        refunds.request(refund_requested(order, ASKED_AT, 1000), a_refund())
    assert refunds.refund(ORDER_ID, a_refund().refund_id) == a_refund()
    assert stored(orders, order).refunds.reserved == 1000


@pytest.mark.parametrize("codes", [("TransactionConflict", "None"), ("None", "ThrottlingError")])
def test_a_transaction_that_met_another_is_to_be_tried_again(
    dynamodb: Any, order: Order, codes: tuple[str, ...]
) -> None:
    client, refunds = recording(dynamodb)
    client.before = lambda _name, _number: cancelled(*codes)
    with pytest.raises(StoreUnavailable):
        refunds.request(refund_requested(order, ASKED_AT, 1000), a_refund())
    with pytest.raises(StoreUnavailable):
        refunds.save_refund(refund_failed(order, ASKED_AT, 0), a_refund(), CLAIM)


def test_what_is_no_cancelled_transaction_is_raised_as_it_is(dynamodb: Any, order: Order) -> None:
    client, refunds = recording(dynamodb)
    client.before = lambda name, _number: client_error(name, "ValidationException")
    with pytest.raises(Exception, match="ValidationException"):
        refunds.request(refund_requested(order, ASKED_AT, 1000), a_refund())
    with pytest.raises(Exception, match="ValidationException"):
        refunds.set_refund_aside(ORDER_ID, a_refund().refund_id, MUCH_LATER, "x")


def test_a_failed_refund_is_saved_with_its_head(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, order: Order
) -> None:
    requested(orders, refunds, a_refund())
    after = refund_failed(claim_sold(orders, order), MUCH_LATER, 1000)
    refunds.save_refund(after, failed(a_refund()), CLAIM)
    assert refunds.refund(ORDER_ID, a_refund().refund_id) == failed(a_refund())
    head = stored(orders, order)
    assert (head.refunds, head.claim, head.timeline[-1].name) == (RefundSums(), None, "refund_failed")
    assert not dynamodb.scan(TableName=ORDERS, IndexName="open_orders")["Items"]


def test_a_head_that_once_had_refunds_keeps_its_sums(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, order: Order
) -> None:
    """Sums that come back to nothing must not leave the old ones standing."""
    requested(orders, refunds, a_refund())
    refunds.save_refund(refund_failed(claim_sold(orders, order), MUCH_LATER, 1000), failed(a_refund()), CLAIM)
    item = dynamodb.get_item(TableName=ORDERS, Key=head_key(ORDER_ID))["Item"]
    assert item["refunds"]["M"]["reserved"] == {"N": "0"}


def test_saving_that_had_worked_before_counts_as_done(
    orders: DynamoOrderStore, refunds: DynamoRefunds, order: Order
) -> None:
    requested(orders, refunds, a_refund())
    after = refund_failed(claim_sold(orders, order), MUCH_LATER, 1000)
    for _ in range(2):
        refunds.save_refund(after, failed(a_refund()), CLAIM)
    assert stored(orders, order).revision == after.revision


def test_saving_without_the_claim_is_lost_and_writes_neither(
    orders: DynamoOrderStore, refunds: DynamoRefunds, order: Order
) -> None:
    requested(orders, refunds, a_refund())
    mine = claim_sold(orders, order)
    taken = orders.claim_completed(ORDER_ID, FOREIGN, mine.claim_until + 9999, "2026-11-20T12:00:00.000Z")
    with pytest.raises(ClaimLost):
        refunds.save_refund(refund_failed(mine, MUCH_LATER, 1000), failed(a_refund()), CLAIM)
    assert stored(orders, order) == taken
    assert refunds.refund(ORDER_ID, a_refund().refund_id) == a_refund()


def test_saving_over_another_revision_of_the_same_claim_is_to_be_tried_anew(
    orders: DynamoOrderStore, refunds: DynamoRefunds, order: Order
) -> None:
    requested(orders, refunds, a_refund())
    mine = claim_sold(orders, order)
    orders.save(next_key_generation(mine, MUCH_LATER), CLAIM)
    with pytest.raises(StoreUnavailable):
        refunds.save_refund(refund_failed(mine, MUCH_LATER, 1000), failed(a_refund()), CLAIM)
    assert refunds.refund(ORDER_ID, a_refund().refund_id) == a_refund()


def test_saving_for_an_order_that_is_gone_is_not_found(refunds: DynamoRefunds) -> None:
    with pytest.raises(OrderNotFound):
        refunds.save_refund(refund_failed(an_order("missing"), MUCH_LATER, 0), a_refund(), CLAIM)


def test_a_refund_set_aside_waits_and_its_head_stays_as_it_is(
    orders: DynamoOrderStore, refunds: DynamoRefunds, order: Order
) -> None:
    before = requested(orders, refunds, a_refund(lines=(RefundLine(1, 1),)))
    refund_id = a_refund().refund_id
    refunds.set_refund_aside(ORDER_ID, refund_id, MUCH_LATER, "refund:PaymentOutcomeUnknown")
    aside = a_refund(
        lines=(RefundLine(1, 1),),
        status=RefundStatus.ATTENTION_REQUIRED,
        failure="refund:PaymentOutcomeUnknown",
        updated_at=MUCH_LATER,
    )
    assert refunds.refund(ORDER_ID, refund_id) == aside
    assert stored(orders, order) == before


@pytest.mark.parametrize(
    "decided", [succeeded(a_refund()), succeeded(a_refund(restock=True)), failed(a_refund())]
)
def test_a_refund_that_is_decided_is_not_set_aside(
    dynamodb: Any, refunds: DynamoRefunds, decided: Refund
) -> None:
    dynamodb.put_item(TableName=ORDERS, Item=refund_to_item(decided))
    refunds.set_refund_aside(ORDER_ID, decided.refund_id, MUCH_LATER, "late")
    assert refunds.refund(ORDER_ID, decided.refund_id) == decided


def test_setting_aside_what_is_not_there_makes_nothing(dynamodb: Any, refunds: DynamoRefunds) -> None:
    refunds.set_refund_aside(ORDER_ID, a_refund().refund_id, MUCH_LATER, "late")
    assert dynamodb.scan(TableName=ORDERS)["Items"] == []


def test_a_refund_that_succeeds_after_it_waited_has_no_failure_any_more(
    orders: DynamoOrderStore, refunds: DynamoRefunds, order: Order
) -> None:
    requested(orders, refunds, a_refund())
    refunds.set_refund_aside(ORDER_ID, a_refund().refund_id, ASKED_AT, "refund:ProviderRefused")
    mine = claim_sold(orders, order)
    refunds.save_refund(next_key_generation(mine, MUCH_LATER), succeeded(a_refund()), CLAIM)
    assert refunds.refund(ORDER_ID, a_refund().refund_id) == succeeded(a_refund())


def test_an_order_that_is_claimed_for_its_sale_is_not_taken_for_a_refund(orders: DynamoOrderStore) -> None:
    """The two claims exclude each other by the order's status."""
    orders.create(an_order())
    claim_order(orders, ORDER_ID, FOREIGN)
    with pytest.raises(Exception, match="is to be refunded"):
        claim_sold(orders, an_order())
