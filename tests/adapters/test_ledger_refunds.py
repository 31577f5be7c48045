"""Booking a refund: head, entry and refund together, and how a cancelled booking is explained.

As in `test_ledger.py` the transaction itself is only looked at.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.adapters.dynamodb.attributes import from_attribute, to_item
from lambdas.adapters.dynamodb.ledger import DynamoJournal, entry_values
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.domain.errors import ClaimLost, LedgerConflict, StoreUnavailable
from lambdas.domain.ledger import JournalEntry, Posting
from lambdas.domain.transitions import next_key_generation, refund_requested
from tests.adapters.examples import CLAIM, MUCH_LATER, stored
from tests.adapters.recording import RecordingClient, client_error
from tests.adapters.refund_examples import a_refund, booking, claim_sold, requested, sold
from tests.adapters.tables import LEDGER, ORDERS
from tests.adapters.test_ledger import INSERT, UPDATE, NeverWrites, put_entry

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund

FOREIGN = "ord_a-execution-2"
EVEN_LATER = "2026-11-20T12:00:00.000Z"


@pytest.fixture
def refunds(dynamodb: Any) -> DynamoRefunds:
    return DynamoRefunds(dynamodb, ORDERS)


@pytest.fixture
def order(orders: DynamoOrderStore, refunds: DynamoRefunds) -> Order:
    """A sold order that is claimed for a refund of 10.00."""
    sold(orders)
    return claim_sold(orders, requested(orders, refunds, a_refund()))


@pytest.fixture
def cancelling(dynamodb: Any) -> DynamoJournal:
    return DynamoJournal(NeverWrites(dynamodb), LEDGER, ORDERS)


def statements(order: Order, refund: Refund) -> list[dict[str, Any]]:
    """What `book` sends for a refund."""
    client = RecordingClient(None, before=lambda _name, _number: client_error("ExecuteTransaction", "Sent"))
    after, entry, done = booking(order, refund)
    with pytest.raises(Exception, match="Sent"):
        DynamoJournal(client, LEDGER, ORDERS).book(after, entry, CLAIM, done)
    ((_, parameters),) = client.calls
    found: list[dict[str, Any]] = parameters["TransactStatements"]
    return found


def settings_of(statement: dict[str, Any]) -> dict[str, Any]:
    """What an UPDATE sets."""
    names = re.findall(r'SET "(\w+)"', statement["Statement"])
    return dict(zip(names, map(from_attribute, statement["Parameters"]), strict=False))


def overtake(orders: DynamoOrderStore, order: Order) -> tuple[Order, JournalEntry, Refund]:
    """Let another execution claim the order and book the same refund."""
    other = claim_sold(orders, order, FOREIGN, EVEN_LATER)
    after, entry, done = booking(other, a_refund())
    orders.save(after, FOREIGN)
    put_entry(orders.client, entry)
    return after, entry, done


def test_a_refund_is_booked_by_three_valid_statements(order: Order) -> None:
    head, insert, refund = statements(order, a_refund())
    assert UPDATE.fullmatch(head["Statement"])
    assert INSERT.fullmatch(insert["Statement"])
    assert UPDATE.fullmatch(refund["Statement"])
    for statement in (head, insert, refund):
        assert statement["Statement"].count("?") == len(statement["Parameters"])


def test_the_head_is_changed_under_claim_and_revision_with_its_sums(order: Order) -> None:
    head, _, _ = statements(order, a_refund())
    changed = settings_of(head)
    assert changed["refunds"] == {"reserved": 1000, "refunded": 1000, "tax": 167, "unfinished": 0}
    assert (changed["entries"], changed["payment_status"]) == (2, "partially_refunded")
    assert re.findall(r'REMOVE "(\w+)"', head["Statement"]) == ["claim", "claim_until", "open"]
    last = [from_attribute(p) for p in head["Parameters"]][-4:]
    assert last == [order.order_id, "HEAD", CLAIM, order.revision]


def test_a_head_that_has_goods_to_come_keeps_its_claim_and_stays_open(order: Order) -> None:
    head, _, _ = statements(order, a_refund(restock=True))
    assert "REMOVE" not in head["Statement"]
    assert settings_of(head)["refunds"]["unfinished"] == 1
    assert settings_of(head)["open"].startswith("open#")


def test_a_head_with_another_refund_to_come_gives_up_its_claim_and_stays_open(order: Order) -> None:
    waiting = replace(order, refunds=replace(order.refunds, unfinished=2, reserved=1500))
    head, _, _ = statements(waiting, a_refund())
    assert re.findall(r'REMOVE "(\w+)"', head["Statement"]) == ["claim", "claim_until"]


def test_the_entry_is_the_next_one_and_reverses_the_sale(order: Order) -> None:
    _, insert, _ = statements(order, a_refund())
    names = re.findall(r"'(\w+)': \?", insert["Statement"])
    values = {n: from_attribute(p) for n, p in zip(names, insert["Parameters"], strict=True)}
    _, entry, _ = booking(order, a_refund())
    assert values == entry_values(entry)
    assert (values["entry_no"], values["kind"], values["reason_code"]) == (2, "refund", "returned")


def test_only_what_changes_of_the_refund_is_written(order: Order) -> None:
    refund = statements(order, a_refund())[2]
    assert settings_of(refund) == {
        "status": "succeeded",
        "updated_at": MUCH_LATER,
        "restocked": False,
        "psp_reference": "re_3QLkyZ2eZvKYlo2C1abcDEFg",
    }
    where = [from_attribute(p) for p in refund["Parameters"]][-2:]
    assert where == [order.order_id, f"REFUND#{a_refund().refund_id}"]


def test_a_booking_that_had_worked_before_counts_as_done(
    orders: DynamoOrderStore, dynamodb: Any, cancelling: DynamoJournal, order: Order
) -> None:
    after, entry, done = booking(order, a_refund())
    orders.save(after, CLAIM)
    put_entry(dynamodb, entry)
    cancelling.book(after, entry, CLAIM, done)


def test_a_booking_whose_answer_never_came_is_unavailable(dynamodb: Any, order: Order) -> None:
    client = RecordingClient(dynamodb, before=lambda _n, _c: ReadTimeoutError(endpoint_url="dynamodb"))
    after, entry, done = booking(order, a_refund())
    with pytest.raises(StoreUnavailable):
        DynamoJournal(client, LEDGER, ORDERS).book(after, entry, CLAIM, done)


def test_another_execution_that_booked_under_the_number_has_the_claim(
    orders: DynamoOrderStore, cancelling: DynamoJournal, order: Order
) -> None:
    """Its entry has another time and maybe another refund: that is no conflict of the ledger."""
    mine = booking(order, a_refund())
    overtake(orders, order)
    with pytest.raises(ClaimLost):
        cancelling.book(mine[0], mine[1], CLAIM, mine[2])


def test_another_refund_that_took_the_number_is_a_lost_claim(
    orders: DynamoOrderStore, refunds: DynamoRefunds, dynamodb: Any, cancelling: DynamoJournal, order: Order
) -> None:
    mine = booking(order, a_refund())
    other = claim_sold(orders, order, FOREIGN, EVEN_LATER)
    second = a_refund("second", amount=500)
    assert refunds.request(refund_requested(other, EVEN_LATER, 500), second)
    after, entry, _ = booking(stored(orders, order), second, 80)
    orders.save(after, FOREIGN)
    put_entry(dynamodb, entry)
    assert entry.entry_no == mine[1].entry_no
    with pytest.raises(ClaimLost):
        cancelling.book(mine[0], mine[1], CLAIM, mine[2])


def test_a_late_copy_under_the_same_claim_is_to_read_the_order_anew(
    orders: DynamoOrderStore, dynamodb: Any, cancelling: DynamoJournal, order: Order
) -> None:
    """The first copy booked a moment before; goods are still to come, so the claim is the same."""
    mine = booking(order, a_refund(restock=True))
    after, entry, _ = booking(order, a_refund(restock=True))
    orders.save(replace(after, updated_at=EVEN_LATER), CLAIM)
    put_entry(dynamodb, replace(entry, booked_at=EVEN_LATER))
    with pytest.raises(StoreUnavailable):
        cancelling.book(mine[0], mine[1], CLAIM, mine[2])


def test_a_head_that_was_changed_under_the_claim_is_to_be_read_anew(
    orders: DynamoOrderStore, cancelling: DynamoJournal, order: Order
) -> None:
    mine = booking(order, a_refund())
    orders.save(next_key_generation(order, MUCH_LATER), CLAIM)
    with pytest.raises(StoreUnavailable):
        cancelling.book(mine[0], mine[1], CLAIM, mine[2])


def test_a_conflict_that_changed_nothing_is_to_be_tried_again(
    cancelling: DynamoJournal, order: Order
) -> None:
    after, entry, done = booking(order, a_refund())
    with pytest.raises(StoreUnavailable):
        cancelling.book(after, entry, CLAIM, done)


@pytest.mark.parametrize("head_followed", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"psp_reference": "re_another"},
        {"event_id": "ref_another.succeeded"},
        {"postings": (Posting("A", "GBP", 1), Posting("B", "GBP", -1))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_entry_under_the_number_that_no_execution_can_have_booked_is_a_conflict(
    orders: DynamoOrderStore,
    dynamodb: Any,
    cancelling: DynamoJournal,
    order: Order,
    change: dict[str, Any],
    head_followed: bool,
) -> None:
    after, entry, done = booking(order, a_refund())
    put_entry(dynamodb, replace(entry, **change))
    if head_followed:
        orders.save(after, CLAIM)
    with pytest.raises(LedgerConflict):
        cancelling.book(after, entry, CLAIM, done)


def test_a_head_that_counts_an_entry_that_is_not_there_is_not_taken_for_done(
    orders: DynamoOrderStore, cancelling: DynamoJournal, order: Order
) -> None:
    after, entry, done = booking(order, a_refund())
    orders.save(after, CLAIM)
    with pytest.raises(StoreUnavailable):
        cancelling.book(after, entry, CLAIM, done)


def test_an_entry_of_a_refund_comes_back_as_it_was_booked(dynamodb: Any, order: Order) -> None:
    _, entry, _ = booking(order, a_refund())
    dynamodb.put_item(TableName=LEDGER, Item=to_item(entry_values(entry)))
    assert DynamoJournal(dynamodb, LEDGER, ORDERS).entry(order.order_id, 2) == entry
