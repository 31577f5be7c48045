"""How a head changes by cancellations and refunds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lambdas.domain import transitions
from lambdas.domain.order import (
    Cancellation,
    CancellationStatus,
    FulfillmentStatus,
    Order,
    PaymentStatus,
    RefundSums,
    Status,
)
from tests.fakes.orders_made import AT, an_order

if TYPE_CHECKING:
    from collections.abc import Callable

LATER = "2026-03-15T00:00:00.000Z"
WISH = Cancellation(AT, "mistake", "k" * 16, "0" * 32)


def claimed(**changes: object) -> Order:
    """An order under a claim."""
    return an_order(**{"status": Status.PROCESSING, "claim": "c1", "claim_until": 99, **changes})


def sold(**sums: int) -> Order:
    """A completed order that was claimed for a refund."""
    captured = PaymentStatus.CAPTURED
    return claimed(status=Status.COMPLETED, payment_status=captured, entries=1, refunds=RefundSums(**sums))


EVERY: dict[str, Callable[[Order], Order]] = {
    "cancel_requested": lambda o: transitions.cancellation_requested(o, LATER, WISH),
    "cancelled": lambda o: transitions.cancelled(o, LATER, payment=PaymentStatus.VOIDED),
    "authorization_expiring": lambda o: transitions.expiry_requested(o, LATER),
    "abandoned": lambda o: transitions.abandoned(o, LATER),
    "held": lambda o: transitions.holding(o, LATER, held=True),
    "hold_ended": lambda o: transitions.holding(o, LATER, held=False),
    "refund_requested": lambda o: transitions.refund_requested(o, LATER, 100),
    "refunded": lambda o: transitions.refunded(o, LATER, 100, 17, last_step=True),
    "refund_failed": lambda o: transitions.refund_failed(o, LATER, 100),
    "restocked": lambda o: transitions.restocked(o, LATER),
}
KEEPS_CLAIM = {
    "cancel_requested",
    "authorization_expiring",
    "abandoned",
    "held",
    "hold_ended",
    "refund_requested",
}


@pytest.mark.parametrize("name", EVERY)
def test_every_change_counts_the_revision_stamps_the_time_and_is_on_the_timeline(name: str) -> None:
    before = sold(reserved=300, refunded=0, unfinished=2)
    after = EVERY[name](before)
    assert (after.revision, after.updated_at) == (before.revision + 1, LATER)
    assert [(e.at, e.name) for e in after.timeline[len(before.timeline) :]] == [(LATER, name)]
    assert before == sold(reserved=300, refunded=0, unfinished=2)


@pytest.mark.parametrize("name", EVERY)
def test_a_change_from_outside_leaves_the_claim_to_whoever_has_it(name: str) -> None:
    after = EVERY[name](sold(reserved=300, unfinished=1))
    assert after.claim == ("c1" if name in KEEPS_CLAIM else None)


def test_handing_back_is_counted_and_is_no_event_of_the_order() -> None:
    after = transitions.handed_back(transitions.handed_back(claimed(), LATER), LATER)
    assert (after.handed_back, after.revision, after.claim) == (2, 3, "c1")
    assert after.timeline == claimed().timeline


def test_a_wish_to_cancel_changes_nothing_else() -> None:
    after = transitions.cancellation_requested(claimed(), LATER, WISH)
    assert (after.status, after.payment_status) == (Status.PROCESSING, PaymentStatus.PENDING)
    assert (after.cancellation, after.stop_reason) == (WISH, "cancelled")
    assert after.cancellation_status is CancellationStatus.REQUESTED


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (Status.ACCEPTED, CancellationStatus.REQUESTED),
        (Status.PROCESSING, CancellationStatus.REQUESTED),
        (Status.ATTENTION_REQUIRED, CancellationStatus.REQUESTED),
        (Status.CANCELLED, CancellationStatus.DONE),
        (Status.COMPLETED, CancellationStatus.REFUSED),
        (Status.REJECTED, CancellationStatus.REFUSED),
    ],
)
def test_the_end_tells_what_became_of_the_wish(status: Status, then: CancellationStatus) -> None:
    assert an_order(status=status, cancellation=WISH).cancellation_status is then
    assert an_order(status=status).cancellation_status is None


def test_a_cancelled_order_ends_with_the_clients_reason_and_keeps_its_goods_state() -> None:
    before = claimed(cancellation=WISH, fulfillment_status=FulfillmentStatus.RELEASED)
    after = transitions.cancelled(before, LATER, payment=PaymentStatus.VOIDED)
    assert (after.status, after.reason) == (Status.CANCELLED, "mistake")
    assert (after.payment_status, after.fulfillment_status) == (
        PaymentStatus.VOIDED,
        FulfillmentStatus.RELEASED,
    )
    assert after.terminal
    assert not after.open


def test_the_clients_wish_comes_before_a_running_out_authorisation() -> None:
    expiring = transitions.expiry_requested(claimed(), LATER)
    assert expiring.stop_reason == "authorization_expiring"
    assert transitions.cancellation_requested(expiring, LATER, WISH).stop_reason == "cancelled"
    assert claimed().stop_reason is None


def test_the_reason_of_a_rejection_stays_what_it_was_but_for_the_clients_wish() -> None:
    ending = transitions.ending_for(claimed(), LATER, "out_of_stock")
    assert (ending.stop_reason, ending.claim, ending.revision) == ("out_of_stock", "c1", 2)
    assert transitions.expiry_requested(ending, LATER).stop_reason == "out_of_stock"
    assert transitions.cancellation_requested(ending, LATER, WISH).stop_reason == "cancelled"


def test_giving_an_order_up_comes_after_the_clients_wish_and_before_a_running_out_authorisation() -> None:
    given_up = transitions.abandoned(transitions.expiry_requested(claimed(), LATER), LATER)
    assert given_up.stop_reason == "abandoned_by_operator"
    assert transitions.cancellation_requested(given_up, LATER, WISH).stop_reason == "cancelled"
    assert transitions.ending_for(given_up, LATER, "out_of_stock").stop_reason == "out_of_stock"


def test_an_order_whose_money_was_taken_by_hand_cannot_be_given_up() -> None:
    taken = claimed(payment_status=PaymentStatus.CAPTURED)
    assert transitions.abandoned(taken, LATER).stop_reason is None


def test_a_hold_is_set_and_ended() -> None:
    held = transitions.holding(claimed(), LATER, held=True)
    assert (held.held, transitions.holding(held, LATER, held=False).held) == (True, False)


def test_a_requested_refund_is_reserved_and_opens_the_order_again() -> None:
    before = sold()
    after = transitions.refund_requested(before, LATER, 400)
    assert after.refunds == RefundSums(reserved=400, unfinished=1)
    assert (before.refundable, after.refundable) == (900, 500)
    assert (before.open, after.open) == (False, True)
    assert (after.status, after.payment_status) == (Status.COMPLETED, PaymentStatus.CAPTURED)


@pytest.mark.parametrize(
    ("amount", "payment"), [(899, PaymentStatus.PARTIALLY_REFUNDED), (900, PaymentStatus.REFUNDED)]
)
@pytest.mark.parametrize("last_step", [True, False])
def test_a_refund_is_counted_with_its_tax_and_its_entry(
    amount: int, payment: PaymentStatus, last_step: bool
) -> None:
    before = transitions.refund_requested(sold(), LATER, amount)
    after = transitions.refunded(before, LATER, amount, 149, last_step=last_step)
    unfinished = 0 if last_step else 1
    assert after.refunds == RefundSums(amount, amount, 149, unfinished)
    assert (after.payment_status, after.status, after.entries) == (payment, Status.COMPLETED, 2)
    assert (after.claim, after.open) == ((None, False) if last_step else ("c1", True))


def test_a_refund_that_follows_another_adds_to_it() -> None:
    before = replace(sold(reserved=900, refunded=400, tax=60, unfinished=2), entries=2)
    after = transitions.refunded(before, LATER, 500, 90, last_step=True)
    assert after.entries == 3
    assert after.refunds == RefundSums(900, 900, 150, 1)
    assert after.payment_status is PaymentStatus.REFUNDED
    assert (after.claim, after.open) == (None, True)


def test_a_failed_refund_gives_its_reservation_back() -> None:
    before = sold(reserved=900, refunded=400, tax=60, unfinished=1)
    after = transitions.refund_failed(before, LATER, 500)
    assert after.refunds == RefundSums(400, 400, 60, 0)
    assert (after.payment_status, after.entries) == (PaymentStatus.CAPTURED, 1)
    assert (after.refundable, after.open) == (500, False)


def test_restocking_is_the_last_step() -> None:
    after = transitions.restocked(sold(reserved=400, refunded=400, unfinished=1), LATER)
    assert (after.refunds.unfinished, after.refunds.refunded, after.open) == (0, 400, False)


def test_nothing_is_refundable_of_what_was_never_booked() -> None:
    assert an_order(status=Status.PROCESSING).refundable == 0
    assert transitions.completed(claimed(total=0, tax=0), LATER).refundable == 0
    assert transitions.completed(claimed(), LATER).refundable == 900


def test_the_first_answer_to_an_order_shows_neither_its_cancellation_nor_its_refunds() -> None:
    wish = transitions.cancellation_requested(an_order(), LATER, WISH)
    assert wish.as_accepted().cancellation is None
    assert sold(reserved=5).as_accepted().refunds == RefundSums()


def test_a_refund_is_not_waited_for_as_long_as_its_sale_was() -> None:
    helped = transitions.handed_back(claimed(), LATER)
    assert transitions.refund_requested(helped, LATER, 5).handed_back == 0
