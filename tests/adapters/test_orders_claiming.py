"""One claim per order, and writes that hold only under it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.dynamodb.order_items import head_key
from lambdas.domain.errors import ClaimLost, OrderBusy, OrderNotFound, StoreUnavailable
from lambdas.domain.identifiers import OrderId
from lambdas.domain.order import TIMELINE_LIMIT, Order, PaymentStatus, Status
from lambdas.domain.transitions import completed, needs_attention, payment_started, rejected, reserved
from tests.adapters.examples import (
    CLAIM,
    CLAIM_SECONDS,
    CLAIMED_AT,
    CLAIMED_AT_EPOCH,
    LATER,
    MUCH_LATER,
    an_order,
    claim_order,
    claimed,
    stored,
)
from tests.adapters.tables import ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.adapters.dynamodb.claims import DynamoOrderStore

FOREIGN = "ord_a-execution-2"


def test_a_first_claim_moves_the_order_to_processing(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    assert order == stored(orders, order)
    assert (order.status, order.revision, order.updated_at) == (Status.PROCESSING, 2, CLAIMED_AT)
    assert (order.claim, order.claim_until) == (CLAIM, CLAIMED_AT_EPOCH + CLAIM_SECONDS)
    assert [event.name for event in order.timeline] == ["accepted", "processing"]


def test_the_same_claim_may_be_made_again(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    again = claim_order(orders, order.order_id, at=LATER)
    assert (again.claim, again.status) == (CLAIM, Status.PROCESSING)


def test_a_live_foreign_claim_makes_the_order_busy_and_stays(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    with pytest.raises(OrderBusy):
        claim_order(orders, order.order_id, FOREIGN, LATER)
    assert stored(orders, order) == order


def test_an_expired_foreign_claim_is_taken_over(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    taken = claim_order(orders, order.order_id, FOREIGN, MUCH_LATER)
    assert (taken.claim, taken.status, taken.revision) == (FOREIGN, Status.PROCESSING, 3)


def test_an_order_that_waits_for_an_operator_can_be_claimed_and_loses_its_reason(
    orders: DynamoOrderStore,
) -> None:
    order = claimed(orders, an_order())
    orders.give_back(order.order_id, CLAIM, LATER, "authorise:PaymentOutcomeUnknown")
    again = claim_order(orders, order.order_id, FOREIGN, MUCH_LATER)
    assert (again.status, again.reason, again.claim) == (Status.PROCESSING, None, FOREIGN)


@pytest.mark.parametrize(
    "end",
    [lambda o: completed(o, LATER), lambda o: rejected(o, LATER, "out_of_stock")],
    ids=["sold", "not sold"],
)
def test_a_terminal_order_comes_back_unchanged(
    orders: DynamoOrderStore, end: Callable[[Order], Order]
) -> None:
    order = end(claimed(orders, an_order()))
    orders.save(order, CLAIM)
    returned = claim_order(orders, order.order_id, FOREIGN, MUCH_LATER)
    assert returned.status is order.status
    assert returned == stored(orders, order)


def test_a_missing_order_is_not_found(orders: DynamoOrderStore) -> None:
    with pytest.raises(OrderNotFound):
        claim_order(orders, OrderId("ord_missing"))


def test_a_timeline_has_at_most_its_limit_of_events_however_often_the_order_is_claimed(
    orders: DynamoOrderStore,
) -> None:
    """An outage of hours claims and gives back again and again, with no `save` between to cut it."""
    order = claimed(orders, an_order())
    for _ in range(TIMELINE_LIMIT):
        orders.give_back(order.order_id, CLAIM, LATER, "authorise:ProviderUnavailable")
        order = claim_order(orders, order.order_id, at=LATER)
    assert len(stored(orders, order).timeline) <= TIMELINE_LIMIT


def test_a_changed_head_is_written_over_the_revision_it_was_made_from(orders: DynamoOrderStore) -> None:
    order = payment_started(claimed(orders, an_order()), LATER, "pi_1")
    orders.save(order, CLAIM)
    assert stored(orders, order) == order


def test_facts_of_the_submission_cannot_be_changed_by_a_write(orders: DynamoOrderStore) -> None:
    order = payment_started(claimed(orders, an_order()), LATER, "pi_1")
    orders.save(replace(order, total=1, client=type(order.client)("other"), lines=()), CLAIM)
    assert stored(orders, order) == order


@pytest.mark.parametrize(
    ("change", "claim_stays", "open_stays"),
    [
        (lambda o: reserved(o, LATER), True, True),
        (lambda o: needs_attention(o, LATER, "canceled_after_reservation"), False, True),
        (lambda o: completed(o, LATER), False, False),
        (lambda o: rejected(o, LATER, "card", payment=PaymentStatus.DECLINED), False, False),
    ],
    ids=["goes on", "waits for a person", "completed", "rejected"],
)
def test_an_ended_order_gives_up_its_claim_and_leaves_the_index_of_open_orders(
    orders: DynamoOrderStore,
    dynamodb: Any,
    change: Callable[[Order], Order],
    claim_stays: bool,
    open_stays: bool,
) -> None:
    order = change(claimed(orders, an_order()))
    orders.save(order, CLAIM)
    item = dynamodb.get_item(TableName=ORDERS, Key=head_key(order.order_id))["Item"]
    assert ({"claim", "claim_until"} <= item.keys(), "open" in item) == (claim_stays, open_stays)
    assert bool(dynamodb.scan(TableName=ORDERS, IndexName="open_orders")["Items"]) == open_stays
    assert stored(orders, order).status is order.status


def test_a_write_without_the_claim_is_lost(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    taken = claim_order(orders, order.order_id, FOREIGN, MUCH_LATER)
    with pytest.raises(ClaimLost):
        orders.save(payment_started(order, LATER, "pi_1"), CLAIM)
    assert stored(orders, order) == taken


def test_a_write_over_another_revision_of_the_same_claim_is_to_be_tried_anew(
    orders: DynamoOrderStore,
) -> None:
    order = claimed(orders, an_order())
    orders.save(payment_started(order, LATER, "pi_1"), CLAIM)
    with pytest.raises(StoreUnavailable):
        orders.save(payment_started(order, MUCH_LATER, "pi_2"), CLAIM)
    assert stored(orders, order).payment_intent == "pi_1"


@pytest.mark.parametrize(
    "change",
    [lambda o: reserved(o, LATER), lambda o: completed(o, LATER), lambda o: needs_attention(o, LATER, "x")],
    ids=["goes on", "completed", "waits for a person"],
)
def test_a_write_that_had_worked_before_counts_as_done(
    orders: DynamoOrderStore, change: Callable[[Order], Order]
) -> None:
    """Its answer was lost and botocore tried again."""
    order = change(claimed(orders, an_order()))
    orders.save(order, CLAIM)
    orders.save(order, CLAIM)
    assert stored(orders, order).revision == order.revision


def test_writing_an_order_that_is_gone_is_not_found(orders: DynamoOrderStore) -> None:
    with pytest.raises(OrderNotFound):
        orders.save(reserved(an_order(), LATER), CLAIM)


def test_giving_back_frees_the_order_for_the_next_execution(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    orders.give_back(order.order_id, CLAIM, LATER, None)
    free = stored(orders, order)
    assert (free.claim, free.status, free.updated_at, free.revision) == (None, Status.PROCESSING, LATER, 3)
    assert claim_order(orders, order.order_id, FOREIGN, LATER).claim == FOREIGN


def test_giving_back_after_the_last_try_leaves_the_order_to_an_operator(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    orders.give_back(order.order_id, CLAIM, LATER, "fulfil:WarehouseUnavailable")
    waiting = stored(orders, order)
    assert (waiting.status, waiting.reason) == (Status.ATTENTION_REQUIRED, "fulfil:WarehouseUnavailable")
    assert (waiting.claim, waiting.timeline[-1].name) == (None, "attention_required")


@pytest.mark.parametrize("failure", [None, "fulfil:WarehouseUnavailable"])
def test_giving_back_a_foreign_claim_changes_nothing(orders: DynamoOrderStore, failure: str | None) -> None:
    order = claimed(orders, an_order())
    orders.give_back(order.order_id, FOREIGN, LATER, failure)
    assert stored(orders, order) == order


def test_giving_back_a_terminal_or_missing_order_changes_nothing(orders: DynamoOrderStore) -> None:
    order = completed(claimed(orders, an_order()), LATER)
    orders.save(order, CLAIM)
    orders.give_back(order.order_id, CLAIM, MUCH_LATER, "late")
    assert stored(orders, order).status is Status.COMPLETED
    missing = an_order("missing")
    orders.give_back(missing.order_id, CLAIM, LATER, "late")
    assert orders.get(missing.order_id) is None
