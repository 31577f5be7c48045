"""What a replay of a failure would do, judged from everything that is known of its order now.

The rules follow docs/order-life.md. In doubt a person has to look: a replay of a safe one goes on where the
order stands, and ends it as its client expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.domain.failure import MAX_APPLIES, FailureState
from lambdas.domain.failure_end import is_over
from lambdas.domain.order import FulfillmentStatus, PaymentStatus, Status
from lambdas.domain.reasons import OUT_OF_STOCK, PRODUCT_WITHDRAWN, SHIPMENT_REFUSED
from lambdas.domain.watch import has_live_claim
from orders.dlq.payment_verdicts import judge_payment, judge_refund_at_provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lambdas.domain.failure import Failure
    from lambdas.domain.order import Order
    from lambdas.domain.refund import Refund
    from orders.trace.model import NotRead, Payment


class Verdict(StrEnum):
    """What `apply` may do with a failure: it replays what is safe, and nothing else."""

    SAFE = "safe"
    ALREADY_DONE = "already_done"
    NEEDS_REVIEW = "needs_review"
    WOULD_BE_REJECTED = "would_be_rejected"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason, a stable code."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a failure's subject.

    `order` is None when there is none, and when it is not `readable`. `booked` are the entry numbers that
    the ledger has of the last one that the head knows and the one after it. `payment` is None where there is
    none or where it does not matter. `withdrawn` and `short`: of its goods, as long as nothing is reserved.
    """

    order: Order | None = None
    readable: bool = True
    refund: Refund | None = None
    booked: frozenset[int] = frozenset()
    payment: Payment | NotRead | None = None
    withdrawn: bool = False
    short: bool = False
    came_through: bool = False


_STAND: Final = {
    FailureState.RESOLVED: Judgement(Verdict.ALREADY_DONE, "resolved"),
    FailureState.DISCARDED: Judgement(Verdict.ALREADY_DONE, "discarded"),
    FailureState.QUARANTINED: Judgement(Verdict.NEEDS_REVIEW, "quarantined"),
}


def judge(failure: Failure, evidence: Evidence, now: datetime) -> Judgement:
    """Judge a failure; the first rule that has something to say decides."""
    order = evidence.order
    if found := _STAND.get(failure.state):
        return found
    if failure.order_id is None:
        return _review("unreadable")
    if order is None:
        return _review("order_not_found" if evidence.readable else "order_unreadable")
    if is_over(failure, order, evidence.refund, came_through=evidence.came_through):
        return Judgement(Verdict.ALREADY_DONE, _end_of(order, evidence.refund))
    rules = _held_up(failure, order, now), *_contradictions(evidence, order)
    if found := next((rule for rule in rules if rule), None):
        return found
    return _judge_refund(evidence) if failure.refund_id else _judge_order(evidence, order)


def payment_matters(failure: Failure, order: Order | None) -> bool:
    """Tell whether the provider may know something that changes the verdict."""
    if order is None or order.payment_intent is None or failure.state in _STAND:
        return False
    return failure.refund_id is not None or not order.terminal


def _held_up(failure: Failure, order: Order, now: datetime) -> Judgement | None:
    if failure.state is FailureState.REPLAYING:
        return _review("being_replayed")
    if failure.applies >= MAX_APPLIES:
        return _review(f"replayed_{failure.applies}_times")
    return _review("claimed") if has_live_claim(order, now) else None


def _contradictions(evidence: Evidence, order: Order) -> Iterator[Judgement | None]:
    """What the head says against the ledger, and states in which no replay can end an order."""
    ahead = order.entries + 1 in evidence.booked
    behind = order.entries > 0 and order.entries not in evidence.booked
    yield _review("ledger_contradicts") if ahead or behind else None
    if order.terminal:
        return
    money, goods = order.payment_status, order.fulfillment_status
    if money is PaymentStatus.EXPIRED:
        yield _review("payment_expired_after_shipment")
    if money is PaymentStatus.CAPTURED and goods is not FulfillmentStatus.RESERVED:
        released = goods is FulfillmentStatus.RELEASED
        yield _review("captured_after_release" if released else "captured_by_hand")


def _judge_refund(evidence: Evidence) -> Judgement:
    order, refund = evidence.order, evidence.refund
    if refund is None:
        return _review("refund_not_found")
    if order is None or order.status is not Status.COMPLETED:
        return _review("order_not_completed")
    if trouble := judge_refund_at_provider(refund, evidence.payment):
        verdict = Verdict.WOULD_BE_REJECTED if trouble.would_end else Verdict.NEEDS_REVIEW
        return Judgement(verdict, trouble.reason)
    return Judgement(Verdict.SAFE, f"refund_{refund.status}")


def _judge_order(evidence: Evidence, order: Order) -> Judgement:
    if order.terminal:
        return Judgement(Verdict.SAFE, "to_be_published")
    if trouble := judge_payment(order, evidence.payment):
        verdict = Verdict.WOULD_BE_REJECTED if trouble.would_end else Verdict.NEEDS_REVIEW
        return Judgement(verdict, trouble.reason)
    if reason := _reason_to_end(evidence, order):
        return Judgement(Verdict.WOULD_BE_REJECTED, reason)
    return Judgement(Verdict.SAFE, f"goes_on_from_{_stand(order)}")


def _reason_to_end(evidence: Evidence, order: Order) -> str | None:
    """Say why the next execution would end the order without a sale; None when it would not."""
    if order.stop_reason:
        return order.stop_reason
    if order.fulfillment_status is FulfillmentStatus.RELEASED:
        return SHIPMENT_REFUSED
    if evidence.withdrawn:
        return PRODUCT_WITHDRAWN
    return OUT_OF_STOCK if evidence.short else None


def _stand(order: Order) -> str:
    if order.fulfillment_status is FulfillmentStatus.RESERVED:
        return "reserved"
    return "payment" if order.payment_intent else "start"


def _end_of(order: Order, refund: Refund | None) -> str:
    return f"refund_{refund.status}" if refund else f"order_{order.status}"


def _review(reason: str) -> Judgement:
    return Judgement(Verdict.NEEDS_REVIEW, reason)
