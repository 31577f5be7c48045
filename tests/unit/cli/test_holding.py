"""An operator's hold: what it changes, and when it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain.order import Order, Status
from lambdas.domain.timestamps import to_text
from lambdas.domain.transitions import (
    abandoned,
    cancellation_requested,
    completed,
    expiry_requested,
    rejected,
)
from orders.holding import HoldRefused, hold_order
from tests.fakes.clock import FakeClock
from tests.fakes.faults import answer_lost
from tests.fakes.orders import InMemoryOrders
from tests.fakes.orders_made import AT, an_order
from tests.fakes.refunds_made import a_cancellation

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def orders() -> InMemoryOrders:
    """A store with one accepted order."""
    store = InMemoryOrders()
    store.create(an_order())
    return store


ID = an_order().order_id


def hold(orders: InMemoryOrders, order_id: str = ID, *, held: bool = True) -> Order:
    return hold_order(orders, order_id, FakeClock(), held=held)


def test_a_hold_is_written_on_the_head_and_ends_again(orders: InMemoryOrders) -> None:
    assert hold(orders).held
    assert orders.head(ID).held
    assert not hold(orders, held=False).held
    assert not orders.head(ID).held
    assert [event.name for event in orders.head(ID).timeline] == ["accepted", "held", "hold_ended"]


@pytest.mark.parametrize("held", [True, False])
def test_a_second_hold_changes_nothing(orders: InMemoryOrders, held: bool) -> None:
    first = hold(orders, held=held)
    assert hold(orders, held=held) == first == orders.head(ID)


def test_a_hold_is_written_beside_the_execution_that_works_on_the_order(orders: InMemoryOrders) -> None:
    orders.claim(ID, "execution-1", int(FakeClock()().timestamp()) + 240, AT)
    hold(orders)
    head = orders.head(ID)
    assert (head.held, head.claim, head.status) == (True, "execution-1", Status.PROCESSING)


def test_an_order_that_somebody_changes_meanwhile_is_read_anew(orders: InMemoryOrders) -> None:
    def claim_first(operation: str) -> None:
        if operation == "amend":
            orders.faults.before = None
            orders.claim(ID, "execution-1", int(FakeClock()().timestamp()) + 240, to_text(FakeClock()()))

    orders.faults.before = claim_first
    hold(orders)
    assert (orders.head(ID).held, orders.head(ID).revision) == (True, 3)


def test_an_order_that_never_stands_still_is_given_up(orders: InMemoryOrders) -> None:
    def change(operation: str) -> None:
        if operation == "amend":
            orders.heads[ID] = replace(orders.heads[ID], revision=orders.heads[ID].revision + 1)

    orders.faults.before = change
    with pytest.raises(HoldRefused, match="try again"):
        hold(orders)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda order: completed(order, AT), "has ended \\(completed\\)"),
        (lambda order: rejected(order, AT, "out_of_stock"), "has ended \\(rejected\\)"),
        (lambda order: expiry_requested(order, AT), "authorization_expiring"),
        (lambda order: abandoned(order, AT), "abandoned_by_operator"),
        (lambda order: cancellation_requested(order, AT, a_cancellation()), "its client cancelled it"),
    ],
)
@pytest.mark.parametrize("held", [True, False])
def test_what_has_ended_or_is_about_to_cannot_be_held(
    orders: InMemoryOrders, end: Callable[[Order], Order], why: str, held: bool
) -> None:
    order = end(orders.head(ID))
    orders.heads[ID] = order
    with pytest.raises(HoldRefused, match=why):
        hold(orders, held=held)
    assert orders.head(ID) == order


@pytest.mark.parametrize("order_id", ["ord_" + "a" * 26, "mine"])
def test_there_has_to_be_such_an_order(orders: InMemoryOrders, order_id: str) -> None:
    with pytest.raises(HoldRefused, match=f"there is no order {order_id}"):
        hold(orders, order_id)


def test_a_hold_whose_answer_was_lost_is_found_again(orders: InMemoryOrders) -> None:
    orders.faults.plan("amend", answer_lost(TimeoutError("no answer")))
    with pytest.raises(TimeoutError):
        hold(orders)
    assert hold(orders).held
    assert [event.name for event in orders.head(ID).timeline].count("held") == 1
