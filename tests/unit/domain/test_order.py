from __future__ import annotations

import pytest

from lambdas.domain.order import (
    TERMINAL,
    TIMELINE_LIMIT,
    Event,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    Status,
    digest_lines,
    extend_timeline,
    quantities_by_sku,
)
from tests.fakes.orders_made import AT, an_order

LATER = "2026-03-15T00:00:00.000Z"


def test_a_timeline_keeps_its_first_event_and_the_newest_ones() -> None:
    events = tuple(Event(AT, str(n)) for n in range(TIMELINE_LIMIT))
    assert extend_timeline(events[:-1], events[-1]) == events
    longer = extend_timeline(events, Event(AT, "a"), Event(AT, "b"))
    assert len(longer) == TIMELINE_LIMIT
    assert [e.name for e in (longer[0], longer[1], *longer[-2:])] == ["0", "3", "a", "b"]


def test_a_timeline_keeps_the_orders_end_however_much_comes_after_it() -> None:
    events: tuple[Event, ...] = (Event(AT, "accepted"), Event(AT, "processing"), Event(AT, "completed"))
    for n in range(3 * TIMELINE_LIMIT):
        events = extend_timeline(events, Event(LATER, f"refunded {n}"))
    assert len(events) == TIMELINE_LIMIT
    names = [event.name for event in events]
    assert names[:3] == ["accepted", "completed", f"refunded {3 * TIMELINE_LIMIT - 18}"]
    assert names[-1] == f"refunded {3 * TIMELINE_LIMIT - 1}"


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_many_events_at_once_do_not_push_the_end_out(end: str) -> None:
    full = tuple(Event(AT, str(n)) for n in range(TIMELINE_LIMIT - 1))
    events = extend_timeline(full, Event(AT, "a"), Event(AT, end), *(Event(AT, "b"),) * TIMELINE_LIMIT)
    assert [e.name for e in events] == ["0", end, *["b"] * (TIMELINE_LIMIT - 2)]


def test_quantities_add_up_over_lines_of_one_sku_in_a_fixed_order() -> None:
    wanted = quantities_by_sku([Line("b", 1, 5), Line("a", 2, 5), Line("b", 3, 4)])
    assert list(wanted.items()) == [("a", 2), ("b", 4)]


def test_the_digest_of_lines_sees_every_field_and_their_order() -> None:
    line = Line("a", 1, 5, 2000, "staff")
    others = [
        Line("b", 1, 5, 2000, "staff"),
        Line("a", 2, 5, 2000, "staff"),
        Line("a", 1, 6, 2000, "staff"),
        Line("a", 1, 5, 0, "staff"),
        Line("a", 1, 5, 2000),
    ]
    digests = {digest_lines([line]), *(digest_lines([o]) for o in others)}
    assert len(digests) == len(others) + 1
    assert digest_lines([line, others[0]]) != digest_lines([others[0], line])


def test_the_first_answer_can_be_given_again_whatever_became_of_the_order() -> None:
    ended = an_order(
        status=Status.REJECTED,
        payment_status=PaymentStatus.DECLINED,
        fulfillment_status=FulfillmentStatus.RELEASED,
        reason="payment_declined:generic_decline",
        updated_at=LATER,
        timeline=(Event(AT, "accepted"), Event(LATER, "rejected")),
    )
    assert ended.as_accepted() == an_order()


def test_only_completed_rejected_and_cancelled_are_the_end() -> None:
    assert frozenset({"completed", "rejected", "cancelled"}) == TERMINAL
    assert not an_order(status=Status.ATTENTION_REQUIRED).terminal
