"""The refunds of a payment provider in memory: never more than was captured and not yet given back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.domain.payment import ProviderRefund, RefundState

if TYPE_CHECKING:
    from lambdas.domain.identifiers import RefundId
    from lambdas.domain.payment import RefundRequest


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What a refund comes to; one that is not `made` is refused: it has no reference and is not found."""

    state: RefundState
    failure: str | None = None
    made: bool = True


PENDING = RefundOutcome(RefundState.PENDING)


def refused_with(code: str) -> RefundOutcome:
    """The provider makes no refund and says why."""
    return RefundOutcome(RefundState.FAILED, code, made=False)


def failed_with(code: str) -> RefundOutcome:
    """The provider makes a refund, and it fails."""
    return RefundOutcome(RefundState.FAILED, code)


@dataclass(slots=True)
class RefundBook:
    """What was given back, in the order in which it was asked for. `outcomes` are those of the next ones."""

    outcomes: deque[RefundOutcome] = field(default_factory=deque)
    _made: list[tuple[RefundRequest, ProviderRefund]] = field(default_factory=list)

    def make(self, request: RefundRequest, captured: int) -> ProviderRefund:
        """Refund a payment of which so many minor units were captured."""
        outcome = self.outcomes.popleft() if self.outcomes else RefundOutcome(RefundState.SUCCEEDED)
        if outcome.made and (code := self._refusal(request, captured)):
            outcome = refused_with(code)
        if not outcome.made:
            found = self.find(request.intent_id, request.refund_id)
            return found or ProviderRefund("", outcome.state, request.amount, outcome.failure)
        reference = f"re_{len(self._made) + 1:04d}"
        refund = ProviderRefund(reference, outcome.state, request.amount, outcome.failure)
        self._made.append((request, refund))
        return refund

    def find(self, intent_id: str, refund_id: RefundId) -> ProviderRefund | None:
        """Return the newest refund of the payment under an id."""
        named = (intent_id, refund_id)
        return next((r for q, r in reversed(self._made) if (q.intent_id, q.refund_id) == named), None)

    def settle(self, refund_id: RefundId, outcome: RefundOutcome) -> None:
        """Let every refund under an id come to something else: a pending one ends, a card is closed."""
        self._made = [
            (q, replace(r, state=outcome.state, failure=outcome.failure) if q.refund_id == refund_id else r)
            for q, r in self._made
        ]

    def total(self, intent_id: str | None = None) -> int:
        """What was given back of a payment, or of all, in minor units; it counts until it fails."""
        return sum(
            refund.amount.minor
            for request, refund in self._made
            if intent_id in {None, request.intent_id} and refund.state is not RefundState.FAILED
        )

    def standing(self) -> list[tuple[RefundRequest, ProviderRefund]]:
        """Return what was given back and has not failed, with what was asked for."""
        return [(request, refund) for request, refund in self._made if refund.state is not RefundState.FAILED]

    def all_of(self, refund_id: RefundId) -> list[ProviderRefund]:
        """Return all refunds under an id: one, unless something is wrong."""
        return [refund for request, refund in self._made if request.refund_id == refund_id]

    def _refusal(self, request: RefundRequest, captured: int) -> str | None:
        left = captured - self.total(request.intent_id)
        if not captured:
            return "charge_not_refundable"
        if left <= 0:
            return "charge_already_refunded"
        return "amount_too_large" if request.amount.minor > left else None
