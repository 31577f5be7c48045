"""The fakes where money depends on them: they refuse what the provider and the warehouse refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderRefused
from lambdas.domain.fulfilment import ShipmentRefused
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.money import Money
from lambdas.domain.payment import IntentRequest, RefundRequest, RefundState, StaleKey
from tests.fakes.faults import answer_lost
from tests.fakes.payments import GOOD_CARD, InMemoryPayments
from tests.fakes.refunds import PENDING, failed_with, refused_with
from tests.fakes.warehouse import InMemoryWarehouse

ORDER_ID = OrderId("ord_a")
REFUND_ID = RefundId("ref_a")
PRICE = Money(1000, "GBP")


@pytest.fixture
def payments() -> InMemoryPayments:
    return InMemoryPayments()


@pytest.fixture
def request_(payments: InMemoryPayments) -> RefundRequest:
    """Ask for a part of a captured payment back."""
    intent_id = payments.create(IntentRequest(ORDER_ID, PRICE, GOOD_CARD, 0)).intent_id
    payments.confirm(ORDER_ID, intent_id, 0)
    payments.capture(ORDER_ID, intent_id, PRICE, 0)
    return RefundRequest(ORDER_ID, REFUND_ID, intent_id, Money(600, "GBP"), "returned", 0)


def test_a_refund_is_made_once_under_its_key(payments: InMemoryPayments, request_: RefundRequest) -> None:
    assert payments.refund(request_) == payments.refund(request_)
    assert payments.refunded_total == 600
    assert payments.find_refund(request_.intent_id, REFUND_ID) == payments.refund(request_)
    with pytest.raises(ProviderRefused):
        payments.refund(replace(request_, amount=PRICE))


def test_no_more_is_refunded_than_was_captured(payments: InMemoryPayments, request_: RefundRequest) -> None:
    payments.refund(request_)
    other = replace(request_, refund_id=RefundId("ref_b"))
    assert payments.refund(other).failure == "amount_too_large"
    rest = payments.refund(replace(other, amount=Money(400, "GBP"), generation=1))
    assert rest.state is RefundState.SUCCEEDED
    third = payments.refund(replace(request_, refund_id=RefundId("ref_c")))
    assert (third.reference, third.state, third.failure) == (
        "",
        RefundState.FAILED,
        "charge_already_refunded",
    )
    assert payments.refunded_total == PRICE.minor


def test_a_payment_that_was_not_captured_is_not_refundable(payments: InMemoryPayments) -> None:
    intent_id = payments.create(IntentRequest(ORDER_ID, PRICE, GOOD_CARD, 0)).intent_id
    refund = payments.refund(RefundRequest(ORDER_ID, REFUND_ID, intent_id, PRICE, "other", 0))
    assert refund.failure == "charge_not_refundable"


def test_outcomes_that_a_test_wants_come_in_their_order(
    payments: InMemoryPayments, request_: RefundRequest
) -> None:
    payments.refund_outcomes.extend([refused_with("charge_disputed"), failed_with("declined"), PENDING])
    refused, failed, pending = (payments.refund(replace(request_, generation=n)) for n in range(3))
    assert (refused.reference, refused.failure) == ("", "charge_disputed")
    assert (failed.reference != "", failed.failure) == (True, "declined")
    assert (pending.state, payments.refunded_total) == (RefundState.PENDING, 600)
    payments.refunds.settle(REFUND_ID, failed_with("declined"))
    assert payments.refunded_total == 0
    assert [r.state for r in payments.refunds.all_of(REFUND_ID)] == [RefundState.FAILED] * 2


def test_a_lost_answer_leaves_a_refund_and_a_saved_failure_leaves_none(
    payments: InMemoryPayments, request_: RefundRequest
) -> None:
    payments.save_failure("refund")
    with pytest.raises(PaymentOutcomeUnknown):
        payments.refund(request_)
    with pytest.raises(StaleKey):
        payments.refund(request_)
    assert payments.find_refund(request_.intent_id, REFUND_ID) is None
    payments.faults.plan("refund", answer_lost(PaymentOutcomeUnknown("no answer")))
    with pytest.raises(PaymentOutcomeUnknown):
        payments.refund(replace(request_, generation=1))
    assert payments.find_refund(request_.intent_id, REFUND_ID)


def test_a_key_that_is_forgotten_pays_twice_unless_there_is_too_little_left(
    payments: InMemoryPayments, request_: RefundRequest
) -> None:
    """As at the provider: whoever does not look first with `find_refund` gives the money back again."""
    small = replace(request_, amount=Money(300, "GBP"))
    for _ in range(3):
        payments.refund(small)
        payments.forget_keys()
    assert payments.refunded_total == 900
    assert payments.refund(small) == payments.find_refund(small.intent_id, REFUND_ID)
    assert payments.refunded_total == 900


def test_the_warehouse_ships_or_cancels_an_order_and_stays_with_it() -> None:
    warehouse = InMemoryWarehouse()
    assert warehouse.cancel(ORDER_ID)
    assert warehouse.ship(ORDER_ID, {"TEA": 1}) == ShipmentRefused("cancelled")
    assert warehouse.cancel(ORDER_ID)
    other = OrderId("ord_b")
    assert warehouse.ship(other, {"TEA": 1}) is None
    assert not warehouse.cancel(other)
