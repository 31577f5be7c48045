"""Gives money back through the provider, once per refund, and books it in one transaction with the refund."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.domain.errors import OrderCorrupt
from lambdas.domain.ledger import refund_entry
from lambdas.domain.payment import RefundRequest, RefundState
from lambdas.domain.refund import RefundStatus, tax_of_refund
from lambdas.domain.timestamps import Clock, to_text
from lambdas.domain.transitions import refund_failed, refunded
from lambdas.services.claimed_order import load_claimed_refund
from lambdas.services.key_generations import renewing_stale_keys
from lambdas.services.step_result import StepResult, refund_decided

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import Journal, OrderStore, RefundStore
    from lambdas.domain.payment import PaymentProvider, ProviderRefund
    from lambdas.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """The amount is reserved on the head since the refund was accepted."""

    orders: OrderStore
    refunds: RefundStore
    journal: Journal
    payments: PaymentProvider
    now: Clock

    def __call__(self, order_id: OrderId, refund_id: RefundId, claim: str) -> StepResult:
        """Refund and book; a refusal of the provider is an outcome.

        Raises PaymentOutcomeUnknown or ProviderUnavailable, after which the next try looks for the refund.
        """
        order, refund = self._load(order_id, refund_id, claim)
        if refund.finished:
            if order.claim == claim:
                # Another execution finished it just before this one claimed the order.
                self.orders.give_back(order_id, claim, to_text(self.now()), None)
            return refund_decided(order, refund)
        if refund.status is not RefundStatus.SUCCEEDED:
            answer = self._ask_provider(order, refund, claim)
            if answer.state is RefundState.FAILED:
                return self._fail(order, refund, answer, claim)
            order, refund = self._book(order, refund, answer, claim)
        return refund_decided(order, refund)

    def _load(self, order_id: OrderId, refund_id: RefundId, claim: str) -> tuple[Order, Refund]:
        order, refund = load_claimed_refund(self.orders, self.refunds, order_id, refund_id, claim)
        if refund.status is RefundStatus.SUCCEEDED and not refund.finished:
            # Another try may have booked it between the two reads; the event has to show the order after it.
            return load_claimed_refund(self.orders, self.refunds, order_id, refund_id, claim)
        return order, refund

    def _ask_provider(self, order: Order, refund: Refund, claim: str) -> ProviderRefund:
        if order.payment_intent is None:
            raise OrderCorrupt(f"{order.order_id} has nothing to refund")
        # Looked for first, always: the provider forgets its keys after a day, a replay may come later.
        answer = self.payments.find_refund(order.payment_intent, refund.refund_id)
        if answer is None:
            request = RefundRequest(
                order.order_id,
                refund.refund_id,
                order.payment_intent,
                refund.money,
                refund.reason_code,
                order.key_generation,
            )
            with renewing_stale_keys(self.orders, order, claim, self.now):
                answer = self.payments.refund(request)
        if answer.amount != refund.money:
            raise OrderCorrupt(f"{refund.refund_id} is of {refund.money}, at the provider {answer.amount}")
        return answer

    def _fail(self, order: Order, refund: Refund, answer: ProviderRefund, claim: str) -> StepResult:
        at = to_text(self.now())
        order = refund_failed(order, at, refund.amount)
        refund = replace(refund, status=RefundStatus.FAILED, failure=answer.failure, updated_at=at)
        self.refunds.save_refund(order, refund, claim)
        return refund_decided(order, refund)

    def _book(self, order: Order, refund: Refund, answer: ProviderRefund, claim: str) -> tuple[Order, Refund]:
        at = to_text(self.now())
        tax = tax_of_refund(order, refund, self.orders.lines_of(order))
        done = replace(
            refund, status=RefundStatus.SUCCEEDED, psp_reference=answer.reference, failure=None, updated_at=at
        )
        entry = refund_entry(order, done, tax, at, answer.reference)
        after = refunded(order, at, refund.amount, tax, last_step=done.finished)
        self.journal.book(after, entry, claim, done)
        return after, done
