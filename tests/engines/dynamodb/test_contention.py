"""Many writers at once, against which moto does not guard: no claim, stock or refund is given twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.failures import cancellation_reasons
from lambdas.adapters.dynamodb.stock import DynamoStock
from lambdas.domain.errors import OrderBusy, StockContention, StoreUnavailable
from lambdas.domain.identifiers import RefundId
from lambdas.domain.order import Line
from lambdas.domain.refund import Refund
from lambdas.domain.transitions import refund_requested
from tests.adapters.examples import (
    CLAIMED_AT,
    LATER,
    MUCH_LATER,
    an_order,
    claim_order,
    claimed,
    many_lines,
    put_stock,
    stored,
)
from tests.adapters.tables import INVENTORY, ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.adapters.dynamodb.refunds import DynamoRefunds
    from lambdas.domain.order import Order

BUYERS = 20
ON_HAND = 5


def on_hand(client: Any) -> dict[str, int]:
    items = client.scan(TableName=INVENTORY, ConsistentRead=True)["Items"]
    return {item["sku"]["S"]: int(item["on_hand"]["N"]) for item in items}


def test_of_many_claims_at_once_one_holds(orders: DynamoOrderStore) -> None:
    order = an_order()
    orders.create(order)

    def claim(number: int) -> bool:
        try:
            claim_order(orders, order.order_id, f"execution-{number}", CLAIMED_AT)
        except OrderBusy:
            return False
        return True

    with ThreadPoolExecutor(BUYERS) as pool:
        assert sum(pool.map(claim, range(BUYERS))) == 1
    assert stored(orders, order).revision == 2


@pytest.mark.parametrize("skus", [1, 120], ids=["in one transaction", "in chunks"])
def test_many_buyers_never_get_more_than_there_is(orders: DynamoOrderStore, dynamodb: Any, skus: int) -> None:
    lines = many_lines(skus)
    put_stock(dynamodb, {line.sku: ON_HAND for line in lines})
    bought = [claimed(orders, an_order(f"key-{n}", lines=lines), f"c{n}") for n in range(BUYERS)]
    stock = DynamoStock(dynamodb, INVENTORY, ORDERS, pause=lambda _seconds: time.sleep(0.01))

    def buy(number: int) -> bool:
        while True:
            try:
                return stock.reserve(bought[number], lines, f"c{number}", LATER) is None
            except (StockContention, StoreUnavailable):
                time.sleep(0.01)  # as the workflow does

    with ThreadPoolExecutor(8) as pool:
        sold = sum(pool.map(buy, range(BUYERS)))
    left = on_hand(dynamodb)
    assert set(left.values()) == {ON_HAND - sold}
    assert 0 < sold <= ON_HAND
    if skus == 1:
        assert sold == ON_HAND


def test_refunds_asked_for_at_once_never_reserve_more_than_the_head_saw(
    orders: DynamoOrderStore, refunds: DynamoRefunds
) -> None:
    """Each is written over the head that it read: of those that read the same, one is."""
    order = claimed(orders, an_order())

    def ask(number: int) -> bool:
        refund = Refund(
            refund_id=RefundId(f"ref_{number:026d}"),
            order_id=order.order_id,
            amount=order.total,
            currency=order.currency,
            reason_code="returned",
            restock=False,
            request_hash="h",
            requested_at=MUCH_LATER,
            updated_at=MUCH_LATER,
        )
        try:
            return refunds.request(refund_requested(order, MUCH_LATER, order.total), refund)
        except StoreUnavailable:
            return False

    with ThreadPoolExecutor(BUYERS) as pool:
        assert sum(pool.map(ask, range(BUYERS))) == 1
    assert len(refunds.refunds_of(order.order_id)) == 1
    assert stored(orders, order).refunds.reserved == order.total


def test_a_cancelled_transaction_has_a_reason_for_each_action_with_the_item_as_it_was(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    """By these the adapters tell a shortage from a lost claim."""
    order: Order = claimed(orders, an_order(lines=(Line("mug", 2, 100), Line("tea", 2, 100))))
    put_stock(dynamodb, {"mug": 9, "tea": 1})

    def take(sku: str) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": INVENTORY,
                "Key": {"sku": {"S": sku}},
                "UpdateExpression": "SET on_hand = on_hand - :two",
                "ConditionExpression": "on_hand >= :two",
                "ExpressionAttributeValues": {":two": {"N": "2"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    check = {
        "ConditionCheck": {
            "TableName": ORDERS,
            "Key": {"order_id": {"S": order.order_id}, "item": {"S": "HEAD"}},
            "ConditionExpression": "claim = :another",
            "ExpressionAttributeValues": {":another": {"S": "another"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    with pytest.raises(ClientError) as cancelled:
        dynamodb.transact_write_items(TransactItems=[take("mug"), take("tea"), take("gone"), check])
    reasons = cancellation_reasons(cancelled.value)
    assert [reason["Code"] for reason in reasons] == ["None", *["ConditionalCheckFailed"] * 3]
    assert reasons[1]["Item"]["on_hand"] == {"N": "1"}
    assert "Item" not in reasons[2]
    assert reasons[3]["Item"]["claim"] == {"S": order.claim}
    assert on_hand(dynamodb) == {"mug": 9, "tea": 1}
