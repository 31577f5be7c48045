"""When an order is stale, and when its authorisation is too old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.order import TIMELINE_LIMIT, Event, Order, RefundSums, Status, extend_timeline
from lambdas.domain.refund import Refund, RefundStatus
from lambdas.domain.timestamps import to_text
from lambdas.domain.transitions import (
    cancellation_requested,
    completed,
    expiry_requested,
    handed_back,
    holding,
    needs_attention,
    payment_started,
    refund_requested,
    rejected,
)
from lambdas.domain.watch import (
    authorisation_age,
    has_live_claim,
    needs_message,
    refund_needs_message,
    watch_rules,
)
from tests.fakes.clock import START
from tests.fakes.orders_made import AT, an_order
from tests.fakes.refunds_made import a_cancellation, a_refund

RULES = watch_rules(stale_minutes=30, warning_days=3, expiry_days=5)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def authorised(**changes: object) -> Order:
    """An order with a payment from the start on."""
    return replace(payment_started(an_order(), AT, "pi_1"), **changes)  # type: ignore[arg-type] # fields of Order


@pytest.mark.parametrize(
    ("times", "patience"),
    [(0, 30), (1, 60), (2, 120), (5, 960), (6, 1440), (7, 1440), (1_000_000, 1440)],
)
def test_the_patience_doubles_with_each_handing_back_up_to_a_day(times: int, patience: int) -> None:
    order = an_order(handed_back=times)
    assert not RULES.is_stale(order, START + patience * MINUTE - timedelta(milliseconds=1))
    assert RULES.is_stale(order, START + patience * MINUTE)


def test_an_hour_and_a_half_in_the_queue_makes_two_duplicates() -> None:
    """A run every five minutes, and nobody else who moves the order: 30 minutes, then 60 more."""
    order, copies = an_order(), 0
    for minutes in range(0, 95, 5):
        now = START + minutes * MINUTE
        if RULES.is_stale(order, now):
            order, copies = handed_back(order, to_text(now)), copies + 1
    assert copies == 2


def test_any_progress_starts_the_patience_anew() -> None:
    moved = authorised(updated_at=to_text(START + 29 * MINUTE))
    assert not RULES.is_stale(moved, START + 58 * MINUTE)
    assert RULES.is_stale(moved, START + 59 * MINUTE)


def test_a_claim_is_live_as_long_as_no_other_execution_may_take_it() -> None:
    until = int((START + 40 * MINUTE).timestamp())
    order = an_order(status=Status.PROCESSING, claim="execution-1", claim_until=until)
    assert has_live_claim(order, START + 40 * MINUTE)
    assert not RULES.is_stale(order, START + 40 * MINUTE)
    assert not has_live_claim(order, START + 40 * MINUTE + timedelta(seconds=1))
    assert RULES.is_stale(order, START + 40 * MINUTE + timedelta(seconds=1))
    assert not has_live_claim(replace(order, claim=None), START)


@pytest.mark.parametrize(
    ("status", "needed"),
    [
        (Status.ACCEPTED, True),
        (Status.PROCESSING, True),
        (Status.ATTENTION_REQUIRED, False),
        (Status.COMPLETED, False),
        (Status.REJECTED, False),
        (Status.CANCELLED, False),
    ],
)
def test_an_order_under_way_needs_a_message_and_one_for_a_person_does_not(
    status: Status, needed: bool
) -> None:
    assert needs_message(an_order(status=status)) is needed


def test_an_order_for_a_person_that_is_asked_to_end_needs_a_message_until_it_is_taken_on() -> None:
    waiting = needs_attention(authorised(), AT, "fulfil:WarehouseUnavailable")
    for asked in (expiry_requested(waiting, AT), cancellation_requested(waiting, AT, a_cancellation())):
        assert needs_message(asked)
        assert needs_message(handed_back(asked, AT))
        taken = replace(asked, timeline=(*asked.timeline, Event(AT, "processing")), claim="execution-2")
        assert not needs_message(needs_attention(taken, AT, "reject:ProviderUnavailable"))


def test_an_authorisation_is_as_old_as_the_newest_payment() -> None:
    day_later = to_text(START + DAY)
    renewed = payment_started(authorised(), day_later, "pi_2")
    assert authorisation_age(authorised(), START + 3 * DAY) == 3 * DAY
    assert authorisation_age(renewed, START + 3 * DAY) == 2 * DAY


def test_without_its_event_an_authorisation_is_as_old_as_the_order() -> None:
    cut = authorised(timeline=(Event(AT, "accepted"), Event(to_text(START + DAY), "processing")))
    assert authorisation_age(cut, START + 2 * DAY) == 2 * DAY


@pytest.mark.parametrize(
    "order",
    [
        an_order(),
        completed(authorised(), AT),
        rejected(authorised(), AT, "out_of_stock"),
        refund_requested(completed(authorised(), AT), AT, 100),
    ],
    ids=["no payment", "captured", "voided", "to be refunded"],
)
def test_no_authorisation_is_held_without_a_payment_or_after_the_end(order: Order) -> None:
    assert authorisation_age(order, START + 10 * DAY) is None
    assert not RULES.is_expiring(order, START + 10 * DAY)
    assert not RULES.has_to_expire(order, START + 10 * DAY)


@pytest.mark.parametrize("status", [Status.ACCEPTED, Status.PROCESSING, Status.ATTENTION_REQUIRED])
def test_it_warns_at_three_days_and_expires_at_five(status: Status) -> None:
    order = authorised(status=status)
    moment = timedelta(milliseconds=1)
    assert not RULES.is_expiring(order, START + 3 * DAY - moment)
    assert RULES.is_expiring(order, START + 3 * DAY)
    assert not RULES.has_to_expire(order, START + 5 * DAY - moment)
    assert RULES.has_to_expire(order, START + 5 * DAY)


def test_an_operator_keeps_a_payment_however_old_and_lets_it_go_again() -> None:
    held = holding(authorised(), AT, held=True)
    assert not RULES.has_to_expire(held, START + 6 * DAY)
    assert RULES.is_expiring(held, START + 6 * DAY)
    assert RULES.has_to_expire(holding(held, AT, held=False), START + 6 * DAY)


def test_what_is_being_worked_on_or_already_ends_does_not_expire() -> None:
    now = START + 6 * DAY
    claimed = authorised(claim="execution-1", claim_until=int(now.timestamp()))
    assert not RULES.has_to_expire(claimed, now)
    assert not RULES.has_to_expire(expiry_requested(authorised(), AT), now)


def test_a_cancelled_order_whose_authorisation_is_old_expires_as_well() -> None:
    """Its cancellation failed and waits for a person: that is no reason to keep the customer's money."""
    asked = cancellation_requested(authorised(), AT, a_cancellation())
    stuck = needs_attention(asked, AT, "reject:ProviderUnavailable")
    assert RULES.has_to_expire(stuck, START + 5 * DAY)


@pytest.mark.parametrize(
    ("refund", "needed"),
    [
        (a_refund(), True),
        (a_refund(status=RefundStatus.SUCCEEDED, restock=True), True),
        (a_refund(status=RefundStatus.SUCCEEDED, restock=True, restocked=True), False),
        (a_refund(status=RefundStatus.SUCCEEDED), False),
        (a_refund(status=RefundStatus.FAILED), False),
        (a_refund(status=RefundStatus.ATTENTION_REQUIRED), False),
    ],
    ids=["requested", "to restock", "restocked", "succeeded", "failed", "for a person"],
)
def test_a_refund_needs_a_message_while_work_is_left_that_no_person_decides(
    refund: Refund, needed: bool
) -> None:
    assert refund_needs_message(refund) is needed


def test_a_completed_order_with_a_refund_under_way_can_be_stale() -> None:
    order = an_order(status=Status.COMPLETED, refunds=RefundSums(reserved=900, unfinished=1))
    assert RULES.is_stale(order, START + 30 * MINUTE)


def test_a_payment_of_an_order_that_was_tried_often_is_no_older_for_that() -> None:
    """A card that was first asked after days on the dead-letter queue must not be given up the next day."""
    asked = START + timedelta(days=4)
    order = payment_started(an_order(), to_text(asked), "pi_1")
    for minute in range(3 * TIMELINE_LIMIT):
        event = Event(to_text(asked + timedelta(minutes=minute)), "processing")
        order = replace(order, timeline=extend_timeline(order.timeline, event))
    assert authorisation_age(order, asked + timedelta(days=1)) == timedelta(days=1)
