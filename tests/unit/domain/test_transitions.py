from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdas.domain import transitions
from lambdas.domain.events import outcome_event
from lambdas.domain.order import TIMELINE_LIMIT, FulfillmentStatus, Order, PaymentStatus, Status
from tests.fakes.orders_made import AT, an_order

if TYPE_CHECKING:
    from collections.abc import Callable

LATER = "2026-03-15T00:00:00.000Z"

EVERY = {
    "payment_started": lambda o: transitions.payment_started(o, LATER, "pi_1"),
    "next_key_generation": lambda o: transitions.next_key_generation(o, LATER),
    "reserved": lambda o: transitions.reserved(o, LATER),
    "released": lambda o: transitions.released(o, LATER),
    "completed": lambda o: transitions.completed(o, LATER),
    "rejected": lambda o: transitions.rejected(o, LATER, "out_of_stock"),
    "needs_attention": lambda o: transitions.needs_attention(o, LATER, "canceled_after_shipment"),
}


def claimed(**changes: object) -> Order:
    """An order under a claim."""
    return an_order(status=Status.PROCESSING, claim="c1", claim_until=99, **changes)


def names_added(before: Order, after: Order) -> list[str]:
    """Return the events that a transition added."""
    return [e.name for e in after.timeline[len(before.timeline) :]]


@pytest.mark.parametrize("change", EVERY.values(), ids=EVERY.keys())
def test_every_change_counts_the_revision_and_stamps_the_time(change: Callable[[Order], Order]) -> None:
    before = claimed()
    after = change(before)
    assert after.revision == before.revision + 1
    assert (after.accepted_at, after.updated_at) == (AT, LATER)
    assert before == claimed()


@pytest.mark.parametrize("change", EVERY.values(), ids=EVERY.keys())
def test_no_change_lets_the_timeline_grow_beyond_its_limit(change: Callable[[Order], Order]) -> None:
    long = claimed(timeline=an_order().timeline * TIMELINE_LIMIT)
    assert len(change(long).timeline) == TIMELINE_LIMIT


@pytest.mark.parametrize("name", ["completed", "rejected", "needs_attention"])
def test_an_order_that_ends_or_waits_for_a_person_gives_up_its_claim(name: str) -> None:
    assert EVERY[name](claimed()).claim is None


@pytest.mark.parametrize("name", ["payment_started", "next_key_generation", "reserved", "released"])
def test_an_order_that_goes_on_keeps_its_claim(name: str) -> None:
    assert EVERY[name](claimed()).claim == "c1"


def test_reserved_goods_mean_authorised_money() -> None:
    before = claimed()
    after = transitions.reserved(before, LATER)
    assert after.payment_status is PaymentStatus.AUTHORIZED
    assert after.fulfillment_status is FulfillmentStatus.RESERVED
    assert names_added(before, after) == ["authorized", "reserved"]


def test_reserving_what_costs_nothing_authorises_nothing() -> None:
    before = claimed(total=0, tax=0)
    after = transitions.reserved(before, LATER)
    assert after.payment_status is PaymentStatus.NOT_REQUIRED
    assert names_added(before, after) == ["reserved"]


@pytest.mark.parametrize(
    ("total", "payment", "events"),
    [
        (900, PaymentStatus.CAPTURED, ["shipped", "captured", "completed"]),
        (0, PaymentStatus.NOT_REQUIRED, ["shipped", "completed"]),
    ],
)
def test_a_completed_order_is_shipped_and_paid(total: int, payment: PaymentStatus, events: list[str]) -> None:
    before = claimed(total=total, tax=0)
    after = transitions.completed(before, LATER)
    assert (after.status, after.payment_status) == (Status.COMPLETED, payment)
    assert after.fulfillment_status is FulfillmentStatus.SHIPPED
    assert names_added(before, after) == events


def test_a_rejection_keeps_the_axes_that_it_does_not_name() -> None:
    before = transitions.released(claimed(), AT)
    kept = transitions.rejected(before, LATER, "shipment_refused")
    assert (kept.status, kept.reason) == (Status.REJECTED, "shipment_refused")
    assert kept.payment_status is before.payment_status
    assert kept.fulfillment_status is FulfillmentStatus.RELEASED
    named = transitions.rejected(
        before, LATER, "x", payment=PaymentStatus.VOIDED, fulfillment=FulfillmentStatus.OUT_OF_STOCK
    )
    assert named.payment_status is PaymentStatus.VOIDED
    assert named.fulfillment_status is FulfillmentStatus.OUT_OF_STOCK


def test_an_order_that_waits_for_a_person_has_not_ended() -> None:
    after = transitions.needs_attention(claimed(), LATER, "why", payment=PaymentStatus.EXPIRED)
    assert (after.status, after.reason) == (Status.ATTENTION_REQUIRED, "why")
    assert after.payment_status is PaymentStatus.EXPIRED
    assert not after.terminal


def test_an_outcome_event_is_a_cloud_event_without_customer_data() -> None:
    order = transitions.completed(claimed(reference="for Zoe"), LATER)
    event = outcome_event(order)
    assert event["specversion"] == "1.0"
    assert event["id"] == f"{order.order_id}.completed"
    assert event["type"] == "order.completed.v1"
    assert event["time"] == LATER
    assert event["data"]["total"] == 900
    text = repr(event)
    assert order.client not in text
    assert "for Zoe" not in text
    assert "pm_" not in text
    assert "TEA" not in text


def test_a_reservation_does_not_take_back_that_the_money_was_taken() -> None:
    """An operator took it at the provider by hand; a replay goes on from there."""
    after = transitions.reserved(claimed(payment_status=PaymentStatus.CAPTURED), LATER)
    assert (after.payment_status, after.fulfillment_status) == (
        PaymentStatus.CAPTURED,
        FulfillmentStatus.RESERVED,
    )
    assert names_added(claimed(), after) == ["reserved"]
