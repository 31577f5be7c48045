"""Claims on completed orders, and what is written on a head beside whoever holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.adapters.dynamodb.order_items import head_key, open_partition
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.domain.errors import OrderBusy, OrderCorrupt, OrderNotFound, StoreUnavailable
from lambdas.domain.order import Cancellation, Order, PaymentStatus, Status
from lambdas.domain.transitions import (
    abandoned,
    cancellation_requested,
    cancelled,
    completed,
    ending_for,
    expiry_requested,
    handed_back,
    holding,
    needs_attention,
    payment_started,
    refund_failed,
    refund_requested,
    rejected,
)
from tests.adapters.examples import (
    CLAIM,
    CLAIM_SECONDS,
    CLAIMED_AT_EPOCH,
    LATER,
    MUCH_LATER,
    an_order,
    claim_order,
    claimed,
    many_lines,
    stored,
)
from tests.adapters.recording import RecordingClient
from tests.adapters.refund_examples import HOUR, a_refund, claim_sold, requested, sold
from tests.adapters.tables import ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable

FOREIGN = "ord_a-execution-2"
EVEN_LATER = "2026-11-20T12:00:00.000Z"
WISH = Cancellation(LATER, "mistake", "k" * 16, "0" * 32)


def wish_of(order: Order, at: str = LATER) -> Order:
    return cancellation_requested(order, at, replace(WISH, requested_at=at))


def head_item(client: Any, order: Order) -> dict[str, Any]:
    item: dict[str, Any] = client.get_item(TableName=ORDERS, Key=head_key(order.order_id))["Item"]
    return item


def to_refund(orders: DynamoOrderStore, order: Order | None = None) -> Order:
    """A completed order of which a refund is to be made."""
    assert orders.amend(refund_requested(order or sold(orders), LATER, 1000))
    return stored(orders, an_order())


def test_a_completed_order_is_claimed_and_stays_completed(orders: DynamoOrderStore) -> None:
    order = to_refund(orders)
    taken = claim_sold(orders, order)
    until = CLAIMED_AT_EPOCH + HOUR + CLAIM_SECONDS
    assert taken == stored(orders, order)
    assert taken == replace(
        order, claim=CLAIM, claim_until=until, updated_at=MUCH_LATER, revision=order.revision + 1
    )


def test_the_same_claim_on_a_completed_order_may_be_made_again(orders: DynamoOrderStore) -> None:
    order = to_refund(orders)
    claim_sold(orders, order)
    assert claim_sold(orders, order).claim == CLAIM


def test_a_live_foreign_claim_makes_a_completed_order_busy_and_stays(orders: DynamoOrderStore) -> None:
    order = claim_sold(orders, to_refund(orders))
    with pytest.raises(OrderBusy):
        claim_sold(orders, order, FOREIGN)
    assert stored(orders, order) == order


def test_an_expired_foreign_claim_on_a_completed_order_is_taken_over(orders: DynamoOrderStore) -> None:
    order = claim_sold(orders, to_refund(orders))
    assert claim_sold(orders, order, FOREIGN, EVEN_LATER).claim == FOREIGN


def test_a_completed_order_without_a_refund_to_do_is_not_claimed(orders: DynamoOrderStore) -> None:
    """A claim that comes too late would never be given back."""
    order = sold(orders)
    with pytest.raises(StoreUnavailable):
        claim_sold(orders, order)
    open_ = to_refund(orders, order)
    taken = claim_sold(orders, open_)
    orders.save(refund_failed(taken, EVEN_LATER, 1000), CLAIM)
    with pytest.raises(StoreUnavailable):
        claim_sold(orders, order, FOREIGN)
    assert stored(orders, order).claim is None


@pytest.mark.parametrize(
    "end",
    [
        lambda o: o,
        lambda o: rejected(o, LATER, "out_of_stock"),
        lambda o: needs_attention(o, LATER, "x"),
        lambda o: cancelled(wish_of(o), LATER, payment=PaymentStatus.VOIDED),
    ],
    ids=["in process", "rejected", "attention", "cancelled"],
)
def test_an_order_that_is_not_completed_is_not_claimed_for_a_refund(
    orders: DynamoOrderStore, end: Callable[[Order], Order]
) -> None:
    order = claimed(orders, an_order())
    ended = end(order)
    if ended is not order:
        orders.save(replace(ended, revision=order.revision + 1), CLAIM)
    before = stored(orders, order)
    with pytest.raises(OrderCorrupt):
        claim_sold(orders, order)
    assert stored(orders, order) == before


def test_a_missing_order_is_not_found(orders: DynamoOrderStore) -> None:
    with pytest.raises(OrderNotFound):
        claim_sold(orders, an_order("missing"))


def test_a_claim_on_a_completed_order_can_be_given_back(orders: DynamoOrderStore) -> None:
    order = claim_sold(orders, to_refund(orders))
    orders.give_back(order.order_id, CLAIM, EVEN_LATER, None)
    free = stored(orders, order)
    assert (free.status, free.claim, free.reason) == (Status.COMPLETED, None, None)
    assert claim_sold(orders, order, FOREIGN).claim == FOREIGN


def test_a_failure_never_makes_a_completed_order_wait_for_an_operator(orders: DynamoOrderStore) -> None:
    order = claim_sold(orders, to_refund(orders))
    orders.give_back(order.order_id, CLAIM, EVEN_LATER, "refund:PaymentOutcomeUnknown")
    assert stored(orders, order).status is Status.COMPLETED


def test_a_message_of_the_sale_finds_the_order_ended_while_it_is_claimed_for_a_refund(
    orders: DynamoOrderStore,
) -> None:
    order = claim_sold(orders, to_refund(orders))
    assert claim_order(orders, order.order_id, FOREIGN, EVEN_LATER) == order


def test_an_amendment_holds_beside_a_live_claim_and_leaves_it(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    assert orders.amend(wish_of(order)) is True
    head = stored(orders, order)
    assert head == wish_of(order)
    assert (head.claim, head.claim_until) == (CLAIM, order.claim_until)


def test_an_amendment_holds_without_a_claim(orders: DynamoOrderStore) -> None:
    order = an_order()
    orders.create(order)
    assert orders.amend(wish_of(order)) is True
    assert stored(orders, order) == wish_of(order)


def test_an_amendment_of_a_large_order_keeps_its_lines_apart(orders: DynamoOrderStore) -> None:
    order = an_order(lines=many_lines(60))
    orders.create(order)
    head = stored(orders, order)
    assert orders.amend(wish_of(head)) is True
    assert len(orders.lines_of(stored(orders, order))) == 60


def test_an_amendment_over_a_head_that_was_changed_is_gone(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    started = payment_started(order, LATER, "pi_1")
    orders.save(started, CLAIM)
    assert orders.amend(wish_of(order)) is False
    assert stored(orders, order) == started


def test_another_wish_at_the_same_revision_is_not_taken_for_this_one(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    first = wish_of(order)
    assert orders.amend(first)
    other = cancellation_requested(order, LATER, replace(WISH, key="another"))
    assert orders.amend(other) is False
    assert stored(orders, order) == first


def test_an_amendment_that_had_worked_before_counts_as_done(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    assert orders.amend(wish_of(order))
    assert orders.amend(wish_of(order)) is True
    assert stored(orders, order).revision == order.revision + 1


def test_an_amendment_whose_answer_was_lost_is_unavailable(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    client = RecordingClient(orders.client)
    client.after = lambda _name, _number: ReadTimeoutError(endpoint_url="dynamodb")
    with pytest.raises(StoreUnavailable):
        DynamoOrderStore(client, ORDERS).amend(wish_of(order))
    assert orders.amend(wish_of(order)) is True


def test_amending_an_order_that_is_gone_is_not_found(orders: DynamoOrderStore) -> None:
    with pytest.raises(OrderNotFound):
        orders.amend(wish_of(an_order("missing")))


def test_a_step_that_read_the_head_before_an_amendment_is_to_read_it_anew(orders: DynamoOrderStore) -> None:
    order = claimed(orders, an_order())
    assert orders.amend(wish_of(order))
    with pytest.raises(StoreUnavailable):
        orders.save(payment_started(order, LATER, "pi_1"), CLAIM)
    again = payment_started(stored(orders, order), LATER, "pi_1")
    orders.save(again, CLAIM)
    assert stored(orders, order) == again
    assert again.cancellation == WISH


def test_a_cancelled_order_leaves_the_index_of_open_orders_with_its_wish(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    order = claimed(orders, an_order())
    orders.amend(wish_of(order))
    end = cancelled(stored(orders, order), MUCH_LATER, payment=PaymentStatus.VOIDED)
    orders.save(end, CLAIM)
    head = stored(orders, order)
    assert (head.status, head.reason, head.cancellation) == (Status.CANCELLED, "mistake", WISH)
    item = head_item(dynamodb, order)
    assert not {"open", "claim", "claim_until"} & item.keys()
    assert claim_order(orders, order.order_id, FOREIGN, EVEN_LATER) == head


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (wish_of, {"cancellation"}),
        (lambda o: expiry_requested(o, LATER), {"expiring"}),
        (lambda o: ending_for(o, LATER, "out_of_stock"), {"ending"}),
        (lambda o: abandoned(o, LATER), {"abandoned"}),
        (lambda o: holding(o, LATER, held=True), {"held"}),
        (lambda o: handed_back(o, LATER), {"handed_back"}),
        (lambda o: replace(completed(o, LATER), revision=o.revision + 1), {"entries"}),
    ],
    ids=["cancellation", "expiring", "ending", "abandoned", "held", "handed back", "entries"],
)
def test_what_is_seldom_is_on_the_head_only_when_it_is_something(
    orders: DynamoOrderStore, dynamodb: Any, change: Callable[[Order], Order], names: set[str]
) -> None:
    order = claimed(orders, an_order())
    before = head_item(dynamodb, order).keys()
    orders.amend(change(order))
    assert head_item(dynamodb, order).keys() - before == names
    assert stored(orders, order) == replace(change(order), claim_until=stored(orders, order).claim_until)


def test_a_hold_that_has_ended_is_removed(orders: DynamoOrderStore, dynamodb: Any) -> None:
    order = claimed(orders, an_order())
    orders.amend(holding(order, LATER, held=True))
    held = stored(orders, order)
    assert held.held
    orders.amend(payment_started(held, LATER, "pi_1"))
    assert stored(orders, order).held
    orders.amend(holding(stored(orders, order), LATER, held=False))
    assert "held" not in head_item(dynamodb, order)
    assert not stored(orders, order).held


def test_an_open_order_comes_back_into_its_own_partition_of_the_index(
    orders: DynamoOrderStore, dynamodb: Any
) -> None:
    accepted = an_order()
    orders.create(accepted)
    first = head_item(dynamodb, accepted)["open"]
    order = sold_after(orders, accepted)
    assert "open" not in head_item(dynamodb, order)
    requested(orders, DynamoRefunds(dynamodb, ORDERS), a_refund())
    assert head_item(dynamodb, order)["open"] == first == {"S": open_partition(order)}
    (key,) = dynamodb.scan(TableName=ORDERS, IndexName="open_orders")["Items"]
    assert key["order_id"]["S"] == order.order_id


def sold_after(orders: DynamoOrderStore, accepted: Order) -> Order:
    """Sell an order that is written already."""
    order = claim_order(orders, accepted.order_id)
    orders.save(completed(order, LATER), CLAIM)
    return stored(orders, order)
