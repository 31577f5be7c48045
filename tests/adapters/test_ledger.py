"""The ledger's items, statements, and how a cancelled booking is explained.

moto runs ExecuteTransaction without atomicity, so here it is only looked at; what it does is
tested end to end.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.attributes import from_attribute, to_item
from lambdas.adapters.dynamodb.ledger import DynamoJournal, entry_from_item, entry_values
from lambdas.domain.errors import ClaimLost, LedgerConflict, OrderNotFound, StoreUnavailable
from lambdas.domain.ledger import PERIOD_SHARDS, JournalEntry, Posting, capture_entry
from lambdas.domain.transitions import completed, needs_attention, next_key_generation, reserved
from tests.adapters.examples import CLAIM, CLAIMED_AT, LATER, MUCH_LATER, an_order, claim_order, claimed
from tests.adapters.recording import RecordingClient, client_error
from tests.adapters.tables import LEDGER, ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore
    from lambdas.domain.order import Order

DAY = LATER[:10]
# AWS: UPDATE table [SET | REMOVE] path [= value] [...] WHERE condition
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
PATH = r'"\w+"'
UPDATE = re.compile(
    rf"UPDATE {PATH}(?: SET {PATH} = \?)+(?: REMOVE {PATH})* WHERE {PATH} = \?(?: AND {PATH} = \?)*"
)
# AWS: INSERT INTO table VALUE item
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
INSERT = re.compile(r"INSERT INTO \"\w+\" VALUE \{'\w+': \?(?:, '\w+': \?)*\}")


class NeverWrites:
    """Reads from the real tables; every transaction is cancelled, with reasons that say nothing."""

    def __init__(self, client: Any) -> None:
        self.get_item = client.get_item

    def execute_transaction(self, **_: Any) -> None:
        raise client_error("ExecuteTransaction", "TransactionCanceledException", CancellationReasons=[])


def entry_of(order: Order, at: str = LATER) -> JournalEntry:
    return capture_entry(order, at, "pi_1")


def put_entry(client: Any, entry: JournalEntry) -> None:
    client.put_item(TableName=LEDGER, Item=to_item(entry_values(entry)))


def statements(order: Order) -> list[dict[str, Any]]:
    """What `book` sends."""
    client = RecordingClient(None, before=lambda _name, _number: client_error("ExecuteTransaction", "Sent"))
    with pytest.raises(Exception, match="Sent"):
        DynamoJournal(client, LEDGER, ORDERS).book(order, entry_of(order), CLAIM)
    ((name, parameters),) = client.calls
    assert name == "execute_transaction"
    assert parameters.keys() == {"TransactStatements"}, "botocore makes the request token"
    found: list[dict[str, Any]] = parameters["TransactStatements"]
    return found


@pytest.fixture
def order(orders: DynamoOrderStore) -> Order:
    return claimed(orders, an_order())


@pytest.fixture
def cancelling(dynamodb: Any) -> DynamoJournal:
    return DynamoJournal(NeverWrites(dynamodb), LEDGER, ORDERS)


@pytest.mark.parametrize(
    "entry",
    [
        entry_of(an_order()),
        replace(entry_of(an_order()), reason_code="goodwill", reverses="ent_x_1", entry_no=2, kind="refund"),
        replace(entry_of(an_order()), postings=(Posting("A", "JPY", 10**15), Posting("B", "JPY", -(10**15)))),
    ],
    ids=["capture", "reversal", "large amount"],
)
def test_an_entry_comes_back_as_it_was_booked(dynamodb: Any, entry: JournalEntry) -> None:
    put_entry(dynamodb, entry)
    journal = DynamoJournal(dynamodb, LEDGER, ORDERS)
    assert journal.entry(entry.order_id, entry.entry_no) == entry


def test_an_entrys_item_says_its_own_hash_id_and_period() -> None:
    entry = entry_of(an_order())
    values = entry_values(entry)
    assert (values["hash"], values["entry_id"], values["period"]) == (
        entry.hash,
        entry.entry_id,
        entry.period,
    )
    assert entry_from_item(to_item(values)).hash == entry.hash


def test_an_entry_that_was_not_booked_is_none(dynamodb: Any) -> None:
    assert DynamoJournal(dynamodb, LEDGER, ORDERS).entry(an_order().order_id, 1) is None


def test_a_days_entries_are_found_over_all_shards_and_pages(dynamodb: Any) -> None:
    today = [entry_of(an_order(f"key-{n}")) for n in range(40)]
    for entry in (*today, entry_of(an_order("tomorrow"), "2026-11-21T00:00:00.000Z")):
        put_entry(dynamodb, entry)
    assert len({entry.period for entry in today}) > PERIOD_SHARDS // 2

    class PagesOfTwo:
        def query(self, **parameters: Any) -> Any:
            return dynamodb.query(**parameters, Limit=2)

    found = list(DynamoJournal(PagesOfTwo(), LEDGER, ORDERS).entries_of_day(DAY))
    assert sorted(found, key=lambda e: e.order_id) == sorted(today, key=lambda e: e.order_id)
    assert [entry.period for entry in found] == sorted(entry.period for entry in found)


@pytest.mark.parametrize(
    ("change", "removed"),
    [
        (lambda o: completed(o, LATER), ["claim", "claim_until", "open"]),
        (lambda o: completed(next_key_generation(o, LATER), LATER), ["claim", "claim_until", "open"]),
        (lambda o: needs_attention(o, LATER, "x"), ["claim", "claim_until"]),
        (lambda o: reserved(o, LATER), []),
    ],
    ids=["completed", "with generation", "waits for a person", "goes on"],
)
def test_the_head_is_changed_by_one_valid_update_under_claim_and_revision(
    change: Callable[[Order], Order], removed: list[str]
) -> None:
    order = change(replace(an_order(), claim=CLAIM))
    update, _ = statements(order)
    text, parameters = update["Statement"], [from_attribute(p) for p in update["Parameters"]]
    assert UPDATE.fullmatch(text)
    assert text.startswith(f'UPDATE "{ORDERS}" ')
    assert text.count("?") == len(parameters)
    set_names = re.findall(r'SET "(\w+)"', text)
    assert dict(zip(set_names, parameters, strict=False))["status"] == order.status
    assert dict(zip(set_names, parameters, strict=False))["revision"] == order.revision
    assert re.findall(r'REMOVE "(\w+)"', text) == removed
    assert re.findall(r'"(\w+)" = \?', text.partition(" WHERE ")[2]) == [
        "order_id",
        "item",
        "claim",
        "revision",
    ]
    assert parameters[-4:] == [order.order_id, "HEAD", CLAIM, order.revision - 1]


def test_the_entry_is_one_insert_with_a_parameter_for_each_value() -> None:
    order = completed(replace(an_order(), claim=CLAIM), LATER)
    _, insert = statements(order)
    assert INSERT.fullmatch(insert["Statement"])
    assert insert["Statement"].startswith(f'INSERT INTO "{LEDGER}" ')
    names = re.findall(r"'(\w+)': \?", insert["Statement"])
    assert dict(zip(names, insert["Parameters"], strict=True)) == to_item(entry_values(entry_of(order)))


def test_a_booking_that_had_worked_before_counts_as_done(
    orders: DynamoOrderStore, dynamodb: Any, cancelling: DynamoJournal, order: Order
) -> None:
    done = completed(order, LATER)
    orders.save(done, CLAIM)
    put_entry(dynamodb, entry_of(order))
    cancelling.book(done, entry_of(order), CLAIM)


def test_another_entry_under_the_key_is_a_conflict(
    orders: DynamoOrderStore, dynamodb: Any, cancelling: DynamoJournal, order: Order
) -> None:
    """Told also when the head looks as if all was done."""
    done = completed(order, LATER)
    orders.save(done, CLAIM)
    put_entry(dynamodb, replace(entry_of(order), psp_reference="pi_another"))
    with pytest.raises(LedgerConflict):
        cancelling.book(done, entry_of(order), CLAIM)


def test_the_time_of_booking_is_not_what_makes_another_entry(
    dynamodb: Any, cancelling: DynamoJournal, order: Order
) -> None:
    """An earlier try of the same claim booked a second before: no conflict, but the head did not follow."""
    put_entry(dynamodb, entry_of(order, CLAIMED_AT))
    with pytest.raises(StoreUnavailable):
        cancelling.book(completed(order, LATER), entry_of(order), CLAIM)


def test_a_lost_claim_is_told(orders: DynamoOrderStore, cancelling: DynamoJournal, order: Order) -> None:
    claim_order(orders, order.order_id, "another", MUCH_LATER)
    with pytest.raises(ClaimLost):
        cancelling.book(completed(order, LATER), entry_of(order), CLAIM)


def test_a_conflict_that_changed_nothing_is_to_be_tried_again(
    cancelling: DynamoJournal, order: Order
) -> None:
    with pytest.raises(StoreUnavailable):
        cancelling.book(completed(order, LATER), entry_of(order), CLAIM)


def test_a_head_that_ended_without_its_entry_is_not_taken_for_done(
    orders: DynamoOrderStore, cancelling: DynamoJournal, order: Order
) -> None:
    done = completed(order, LATER)
    orders.save(done, CLAIM)
    with pytest.raises(StoreUnavailable):
        cancelling.book(done, entry_of(order), CLAIM)


def test_booking_for_an_order_that_is_gone_is_not_found(cancelling: DynamoJournal) -> None:
    order = an_order("missing")
    with pytest.raises(OrderNotFound):
        cancelling.book(completed(order, LATER), entry_of(order), CLAIM)
