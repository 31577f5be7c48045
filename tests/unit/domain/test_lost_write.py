from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from lambdas.domain import transitions
from lambdas.domain.errors import ClaimLost, StoreUnavailable
from lambdas.domain.identifiers import ClientId, OrderId
from lambdas.domain.lost_write import explain_lost_write, is_same_write
from lambdas.domain.order import (
    Cancellation,
    Event,
    FulfillmentStatus,
    Line,
    Order,
    PaymentStatus,
    RefundSums,
    Status,
)
from tests.fakes.orders_made import AT, an_order

CLAIM = "c1"
LATER = "2026-03-15T00:00:00.000Z"
WISH = Cancellation(AT, "mistake", "k" * 16, "0" * 32)

OTHER: dict[str, Any] = {
    "order_id": OrderId("ord_b"),
    "client": ClientId("client-2"),
    "currency": "EUR",
    "total": 1,
    "tax": 1,
    "request_hash": "1",
    "lines_digest": "1",
    "accepted_at": LATER,
    "payment_method": "pm_other",
    "reference": "other",
    "status": Status.REJECTED,
    "payment_status": PaymentStatus.DECLINED,
    "fulfillment_status": FulfillmentStatus.RELEASED,
    "reason": "other",
    "updated_at": AT,
    "claim": "c2",
    "claim_until": 100,
    "payment_intent": "pi_2",
    "key_generation": 7,
    "revision": 9,
    "timeline": (Event(AT, "other"),),
    "cancellation": WISH,
    "expiring": True,
    "ending": "out_of_stock",
    "abandoned": True,
    "held": True,
    "handed_back": 3,
    "entries": 4,
    "refunds": RefundSums(1, 1, 1, 1),
}


def claimed() -> Order:
    """An order under a claim."""
    return an_order(status=Status.PROCESSING, claim=CLAIM, claim_until=99)


def written() -> Order:
    """What an execution wrote."""
    return transitions.payment_started(claimed(), LATER, "pi_1")


def test_what_is_stored_as_it_was_written_had_worked_before() -> None:
    explain_lost_write(written(), CLAIM, written())
    assert is_same_write(written(), written())


def test_a_large_orders_lines_and_the_end_of_a_given_up_claim_are_not_on_the_head() -> None:
    ended = transitions.completed(claimed(), LATER)
    assert ended.claim_until == 99
    found = replace(ended, lines=None, claim_until=0)
    explain_lost_write(ended, CLAIM, found)
    assert is_same_write(ended, found)
    assert is_same_write(replace(written(), lines=(Line("x", 1, 1),)), written())


@pytest.mark.parametrize("name", OTHER)
def test_every_other_field_of_a_head_tells_another_write(name: str) -> None:
    assert not is_same_write(written(), replace(written(), **{name: OTHER[name]}))


def test_no_field_is_forgotten_by_the_test_of_the_comparison() -> None:
    assert {f.name for f in fields(Order)} - {"lines"} == OTHER.keys()


def test_a_head_that_another_execution_took_over_is_a_lost_claim() -> None:
    with pytest.raises(ClaimLost):
        explain_lost_write(written(), CLAIM, replace(claimed(), claim="c2", revision=2))
    with pytest.raises(ClaimLost):
        explain_lost_write(written(), CLAIM, replace(claimed(), claim=None, revision=2))


def test_a_cancellation_that_came_in_at_the_same_revision_is_no_success() -> None:
    """The client amends beside the claim: the write did not take place, and reading anew mends it."""
    amended = transitions.cancellation_requested(claimed(), LATER, WISH)
    assert amended.revision == written().revision
    with pytest.raises(StoreUnavailable):
        explain_lost_write(written(), CLAIM, amended)
    assert not is_same_write(amended, written())


def test_a_head_that_is_unchanged_did_not_take_the_write() -> None:
    with pytest.raises(StoreUnavailable):
        explain_lost_write(written(), CLAIM, claimed())
