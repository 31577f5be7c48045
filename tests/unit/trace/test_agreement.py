"""The sources of an ended order are held against each other, and what still moves is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.refund import RefundStatus
from orders.trace.agreement import compare
from orders.trace.model import BookedEntry, NotRead, ProviderRefund, Shipment, StoredOrder, Verdict
from tests.unit.trace.examples import (
    CLAIM,
    UNREAD,
    a_declined_trace,
    a_payment,
    a_refund,
    a_refunded_trace,
    a_trace,
    at,
    sold,
)

if TYPE_CHECKING:
    from orders.trace.model import Trace


def differing(trace: Trace) -> dict[str, dict[str, int | str]]:
    """The facts on which the sources differ."""
    return {fact.name: fact.values for fact in compare(trace).disagreements}


def with_order(**changes: Any) -> StoredOrder:
    """`sold()` changed."""
    order = replace(sold(), **changes)
    return StoredOrder(order, order.lines or ())


@pytest.mark.parametrize("trace", [a_trace(), a_declined_trace(), a_refunded_trace()])
def test_a_sound_order_agrees_on_everything(trace: Trace) -> None:
    agreement = compare(trace)
    assert agreement.verdict is Verdict.AGREE
    assert {"captured", "refunded", "held", "shipped"} <= {fact.name for fact in agreement.facts}
    assert agreement.remarks == ()


def test_money_that_only_one_side_has_is_found() -> None:
    assert differing(a_trace(payment=a_payment(captured=899))) == {
        "captured": {"order": 900, "provider": 899, "ledger": 900}
    }
    assert differing(a_trace(ledger=())) == {"captured": {"order": 900, "provider": 900, "ledger": 0}}
    assert differing(a_trace(payment=None)) == {"captured": {"order": 900, "provider": 0, "ledger": 900}}


def test_money_that_is_still_held_for_an_ended_order_is_found() -> None:
    declined = a_declined_trace()
    held = a_payment(status="requires_capture", captured=0, capturable=900)
    assert differing(replace(declined, payment=held)) == {"held": {"order": 0, "provider": 900}}


def test_a_refund_that_only_one_side_has_is_found() -> None:
    back = ProviderRefund("re_2", "succeeded", 100, at(99))
    assert differing(a_trace(payment=a_payment(refunds=(back,)))) == {
        "refunded": {"order": 0, "refunds": 0, "provider": 100, "ledger": 0}
    }
    trace = a_refunded_trace()
    assert isinstance(trace.ledger, tuple)
    assert differing(replace(trace, ledger=trace.ledger[:1])) == {
        "refunded": {"order": 450, "refunds": 450, "provider": 450, "ledger": 0}
    }


def test_a_refund_that_came_back_from_the_customers_bank_is_not_counted() -> None:
    trace = a_refunded_trace(
        payment=a_payment(refunds=(ProviderRefund("re_1", "failed", 450, at(100), failure="lost_card"),))
    )
    assert differing(trace)["refunded"]["provider"] == 0


def test_goods_that_only_one_side_has_are_found() -> None:
    assert differing(a_trace(shipment=None)) == {"shipped": {"order": "yes", "warehouse": "no"}}
    sent = Shipment("accepted", at(1), {"TEA": 2})
    assert differing(replace(a_declined_trace(), shipment=sent))["shipped"] == {
        "order": "no",
        "warehouse": "yes",
    }
    other = Shipment("accepted", at(1), {"TEA": 1, "MUG": 1})
    assert differing(a_trace(shipment=other)) == {
        "goods": {"order": "0 MUG, 2 TEA", "warehouse": "1 MUG, 1 TEA"}
    }


def test_only_the_first_differences_of_a_large_order_are_told() -> None:
    sent = Shipment("accepted", at(1), {f"SKU-{n:03}": 1 for n in range(675)})
    goods = differing(a_trace(shipment=sent))["goods"]
    assert goods["warehouse"] == "1 SKU-000, 1 SKU-001, 1 SKU-002 and 673 more"


def test_a_cancelled_shipment_is_none() -> None:
    cancelled = Shipment("cancelled", None, {})
    assert compare(replace(a_declined_trace(), shipment=cancelled)).verdict is Verdict.AGREE


def test_an_entry_or_lines_that_were_changed_are_found() -> None:
    trace = a_trace()
    assert isinstance(trace.ledger, tuple)
    changed = BookedEntry(trace.ledger[0].entry, intact=False)
    assert list(differing(replace(trace, ledger=(changed,)))) == ["entry 1"]
    lost = StoredOrder(sold(), NotRead("its lines are not in the table"))
    assert list(differing(a_trace(stored=lost))) == ["lines"]


def test_what_was_not_read_is_not_compared_and_said() -> None:
    agreement = compare(a_trace(payment=UNREAD, shipment=UNREAD))
    assert agreement.verdict is Verdict.AGREE
    assert agreement.remarks == ("without the provider", "without the warehouse")
    assert {fact.name for fact in agreement.facts} == {"captured", "refunded"}


def test_what_waits_for_a_person_is_compared_and_its_payment_may_be_held() -> None:
    waiting = with_order(status=Status.ATTENTION_REQUIRED)
    agreement = compare(a_trace(stored=waiting, payment=None, shipment=None))
    assert agreement.verdict is Verdict.DISAGREE
    assert {"captured", "refunded", "shipped"} <= {fact.name for fact in agreement.facts}
    assert "held" not in {fact.name for fact in agreement.facts}


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (with_order(status=Status.PROCESSING), "it is processing"),
        (with_order(claim=CLAIM, claim_until=int(at(200).timestamp())), "an execution holds the order"),
        (
            replace(with_order(), refunds=(a_refund(status=RefundStatus.REQUESTED),)),
            "is not finished",
        ),
        (replace(with_order(), refunds=(a_refund(restocked=False),)), "is not finished"),
    ],
)
def test_what_is_still_moving_is_not_compared(stored: StoredOrder, why: str) -> None:
    agreement = compare(a_trace(stored=stored, payment=None, shipment=None))
    assert (agreement.verdict, agreement.facts) == (Verdict.NOT_COMPARED, ())
    assert why in agreement.remarks[0]


def test_a_claim_that_has_run_out_hinders_nothing() -> None:
    stored = with_order(claim=CLAIM, claim_until=int(at(30).timestamp()))
    assert compare(a_trace(stored=stored)).verdict is Verdict.AGREE


def test_an_order_that_took_no_payment_has_none_anywhere() -> None:
    free = with_order(
        total=0,
        tax=0,
        payment_status=PaymentStatus.NOT_REQUIRED,
        payment_intent=None,
        fulfillment_status=FulfillmentStatus.SHIPPED,
    )
    assert compare(a_trace(stored=free, payment=None, ledger=())).verdict is Verdict.AGREE
