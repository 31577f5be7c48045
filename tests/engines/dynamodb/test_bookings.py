"""ExecuteTransaction with PartiQL, for which moto has no atomicity: an entry and its cause, or neither."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.failures import TRANSACTION_CANCELED
from lambdas.adapters.dynamodb.ledger import DynamoJournal, entry_values
from lambdas.adapters.dynamodb.order_items import head_key, open_partitions
from lambdas.domain.errors import ClaimLost, LedgerConflict, StoreUnavailable
from lambdas.domain.identifiers import RefundId
from lambdas.domain.ledger import capture_entry, refund_entry
from lambdas.domain.order import PaymentStatus, Status
from lambdas.domain.refund import Refund, RefundStatus
from lambdas.domain.transitions import completed, needs_attention, refund_requested, refunded
from tests.adapters.examples import (
    CLAIM,
    CLAIM_SECONDS,
    CLAIMED_AT_EPOCH,
    LATER,
    MUCH_LATER,
    an_order,
    claim_order,
    claimed,
    stored,
)
from tests.adapters.recording import RecordingClient, cancelled
from tests.adapters.tables import LEDGER, ORDERS

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.adapters.dynamodb.refunds import DynamoRefunds
    from lambdas.domain.order import Order

REFUND_CLAIM = "ref_a-execution-1"


def open_orders(client: Any) -> list[str]:
    """The orders in the index of open orders."""
    return [
        item["order_id"]["S"]
        for partition in open_partitions()
        for item in client.query(
            TableName=ORDERS,
            IndexName="open_orders",
            KeyConditionExpression="#open = :partition",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":partition": {"S": partition}},
        )["Items"]
    ]


def entries(client: Any) -> int:
    """How many are booked."""
    return int(client.scan(TableName=LEDGER, Select="COUNT")["Count"])


def a_refund(order: Order, amount: int = 500) -> Refund:
    return Refund(
        refund_id=RefundId("ref_" + "a" * 26),
        order_id=order.order_id,
        amount=amount,
        currency=order.currency,
        reason_code="returned",
        restock=False,
        request_hash="h",
        requested_at=MUCH_LATER,
        updated_at=MUCH_LATER,
    )


@pytest.fixture
def order(orders: DynamoOrderStore) -> Order:
    return claimed(orders, an_order())


@pytest.fixture
def sold(orders: DynamoOrderStore, journal: DynamoJournal, order: Order) -> Order:
    """An order that was captured and booked."""
    journal.book(completed(order, LATER), capture_entry(order, LATER, "pi_1"), CLAIM)
    return stored(orders, order)


@pytest.fixture
def refunding(orders: DynamoOrderStore, refunds: DynamoRefunds, sold: Order) -> Order:
    """The same with a refund that waits for its booking, under a claim."""
    assert refunds.request(refund_requested(sold, MUCH_LATER, 500), a_refund(sold))
    until = CLAIMED_AT_EPOCH + CLAIM_SECONDS
    return orders.claim_completed(sold.order_id, REFUND_CLAIM, until, MUCH_LATER)


def test_a_capture_is_booked_with_the_end_of_the_order(
    orders: DynamoOrderStore, journal: DynamoJournal, dynamodb: Any, order: Order
) -> None:
    assert open_orders(dynamodb) == [order.order_id]
    entry = capture_entry(order, LATER, "pi_1")
    journal.book(completed(order, LATER), entry, CLAIM)
    assert journal.entry(order.order_id, 1) == entry
    head = dynamodb.get_item(TableName=ORDERS, Key=head_key(order.order_id), ConsistentRead=True)["Item"]
    assert not {"claim", "claim_until", "open"} & head.keys()
    assert stored(orders, order).status is Status.COMPLETED
    assert open_orders(dynamodb) == []


def test_an_order_that_waits_for_a_person_stays_open(
    orders: DynamoOrderStore, journal: DynamoJournal, dynamodb: Any, order: Order
) -> None:
    journal.book(needs_attention(order, LATER, "x"), capture_entry(order, LATER, "pi_1"), CLAIM)
    assert stored(orders, order).claim is None
    assert open_orders(dynamodb) == [order.order_id]


def test_an_entry_that_is_there_keeps_the_head_as_it_was(
    orders: DynamoOrderStore, journal: DynamoJournal, dynamodb: Any, order: Order
) -> None:
    """All or nothing: the update comes first, and must not stay."""
    entry = capture_entry(order, LATER, "pi_1")
    other = to_item(entry_values(replace(entry, psp_reference="pi_other")))
    dynamodb.put_item(TableName=LEDGER, Item=other)
    with pytest.raises(LedgerConflict):
        journal.book(completed(order, LATER), entry, CLAIM)
    assert stored(orders, order) == order
    assert dynamodb.scan(TableName=LEDGER)["Items"] == [other]


@pytest.mark.parametrize("why", ["claim", "revision"])
def test_a_head_that_moved_on_books_nothing(
    orders: DynamoOrderStore, journal: DynamoJournal, dynamodb: Any, order: Order, why: str
) -> None:
    if why == "claim":
        claim_order(orders, order.order_id, "another", MUCH_LATER)
    else:
        orders.save(needs_attention(order, LATER, "x"), CLAIM)
    with pytest.raises(ClaimLost):
        journal.book(completed(order, LATER), capture_entry(order, LATER, "pi_1"), CLAIM)
    assert entries(dynamodb) == 0


def test_a_booking_whose_answer_was_lost_is_found_done(
    orders: DynamoOrderStore, dynamodb: Any, order: Order
) -> None:
    lost = ConnectionClosedError(endpoint_url="http://127.0.0.1")
    losing = RecordingClient(
        dynamodb, after=lambda n, i: lost if (n, i) == ("execute_transaction", 1) else None
    )
    journal = DynamoJournal(losing, LEDGER, ORDERS)
    done, entry = completed(order, LATER), capture_entry(order, LATER, "pi_1")
    with pytest.raises(StoreUnavailable):
        journal.book(done, entry, CLAIM)
    journal.book(done, entry, CLAIM)
    assert losing.count("execute_transaction") == 2
    assert stored(orders, order).status is Status.COMPLETED
    assert entries(dynamodb) == 1


def test_a_transaction_that_is_sent_again_under_its_token_takes_place_once(dynamodb: Any) -> None:
    """So botocore's own second try is safe: it repeats the token that it made."""
    statement = {
        "Statement": f"INSERT INTO \"{LEDGER}\" VALUE {{'order_id': ?, 'entry_no': ?}}",
        "Parameters": [{"S": "ord_a"}, {"N": "1"}],
    }
    for _ in range(2):
        dynamodb.execute_transaction(TransactStatements=[statement], ClientRequestToken="the same")
    with pytest.raises(ClientError) as refused:
        dynamodb.execute_transaction(TransactStatements=[statement], ClientRequestToken="another")
    assert refused.value.response["Error"]["Code"] == TRANSACTION_CANCELED


def test_of_many_that_book_at_once_one_books(
    orders: DynamoOrderStore, journal: DynamoJournal, dynamodb: Any, order: Order
) -> None:
    def book(number: int) -> str:
        entry = capture_entry(order, f"2026-11-20T10:00:02.{number:03d}Z", "pi_1")
        try:
            journal.book(completed(order, entry.booked_at), entry, CLAIM)
        except (ClaimLost, StoreUnavailable) as error:
            return type(error).__name__
        return "booked"

    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(book, range(16)))
    assert ends.count("booked") == 1
    assert entries(dynamodb) == 1
    entry = journal.entry(order.order_id, 1)
    assert entry
    assert stored(orders, order).updated_at == entry.booked_at


def test_a_refund_is_booked_with_the_head_and_the_refund(
    orders: DynamoOrderStore, refunds: DynamoRefunds, journal: DynamoJournal, dynamodb: Any, refunding: Order
) -> None:
    assert open_orders(dynamodb) == [refunding.order_id]
    found = replace(a_refund(refunding), status=RefundStatus.SUCCEEDED, psp_reference="re_1")
    after = refunded(refunding, MUCH_LATER, 500, 80, last_step=True)
    journal.book(after, refund_entry(refunding, found, 80, MUCH_LATER, "re_1"), REFUND_CLAIM, found)
    assert refunds.refunds_of(refunding.order_id) == (found,)
    head = stored(orders, refunding)
    assert (head.payment_status, head.refunds.refunded, head.claim) == (
        PaymentStatus.PARTIALLY_REFUNDED,
        500,
        None,
    )
    assert [journal.entry(head.order_id, number) is not None for number in (1, 2, 3)] == [True, True, False]
    assert open_orders(dynamodb) == []


def test_a_refund_that_is_not_there_undoes_head_and_entry(
    orders: DynamoOrderStore, journal: DynamoJournal, dynamodb: Any, refunding: Order
) -> None:
    """An UPDATE of an item that is not there fails in PartiQL, and with it the transaction."""
    missing = replace(
        a_refund(refunding),
        refund_id=RefundId("ref_" + "z" * 26),
        status=RefundStatus.SUCCEEDED,
        psp_reference="re_1",
    )
    after = refunded(refunding, MUCH_LATER, 500, 80, last_step=True)
    with pytest.raises(StoreUnavailable):
        journal.book(after, refund_entry(refunding, missing, 80, MUCH_LATER, "re_1"), REFUND_CLAIM, missing)
    assert stored(orders, refunding) == refunding
    assert entries(dynamodb) == 1


def test_a_conflict_of_transactions_is_to_be_tried_again(dynamodb: Any, order: Order) -> None:
    """No engine here produces one."""
    conflict = cancelled("TransactionConflict", "None")
    client = RecordingClient(
        dynamodb, before=lambda name, _n: conflict if name == "execute_transaction" else None
    )
    with pytest.raises(StoreUnavailable):
        DynamoJournal(client, LEDGER, ORDERS).book(
            completed(order, LATER), capture_entry(order, LATER, "pi_1"), CLAIM
        )
    assert entries(dynamodb) == 0
