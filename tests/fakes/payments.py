"""A payment provider in memory: intents, saved answers by idempotency key, and cards that misbehave.

What it keeps of Stripe is what money depends on: an answer is saved under its key and replayed as it was, a
failed answer too; an intent moves forward once; an intent in another state answers with that state; no more
is refunded than was captured.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderRefused, ProviderUnavailable
from lambdas.domain.payment import Intent, IntentRequest, IntentState, StaleKey
from tests.fakes.faults import Faults, answer_lost, nothing_happened
from tests.fakes.provider_refunds import RefundBook

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.money import Money
    from lambdas.domain.payment import ProviderRefund, RefundRequest
    from tests.fakes.provider_refunds import RefundOutcome

GOOD_CARD: Final = "pm_card_visa"
DECLINED_CARD: Final = "pm_card_visa_chargeDeclined"
POOR_CARD: Final = "pm_card_visa_chargeDeclinedInsufficientFunds"
SECURED_CARD: Final = "pm_card_authenticationRequired"
UNKNOWN_CARD: Final = "pm_no_such_token"
UNKNOWN_OUTCOME_CARD: Final = "pm_fault_unknown"
HANGS_AFTER_CHARGE_CARD: Final = "pm_fault_hangs_after_charge"
STALE_KEY_CARD: Final = "pm_fault_saved_failure"
PROVIDER_DOWN_CARD: Final = "pm_fault_down"

# What confirming a payment of such a card answers, always.
_DECLINES: Final = {
    DECLINED_CARD: "generic_decline",
    POOR_CARD: "insufficient_funds",
    SECURED_CARD: "authentication_required",
}
# How the first confirmation of a payment of such a card fails.
_FAULTS: Final = {
    UNKNOWN_OUTCOME_CARD: nothing_happened(PaymentOutcomeUnknown("no answer")),
    HANGS_AFTER_CHARGE_CARD: answer_lost(PaymentOutcomeUnknown("no answer")),
}


@dataclass(slots=True)
class InMemoryPayments:
    """Satisfies `PaymentProvider`.

    `faults` knows `create`, `confirm`, `capture`, `void`, `find`, `refund` and `find_refund`; `save_failure`
    makes the next call of a step a 500 that the provider saves under the call's key. `captures` counts the
    captures per order that took money, `calls` the calls per operation (a refund's by its own id).
    """

    intents: dict[str, Intent] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    captures: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    refunds: RefundBook = field(default_factory=RefundBook)
    _requests: dict[str, IntentRequest] = field(default_factory=dict)
    _created: dict[str, tuple[IntentRequest, str]] = field(default_factory=dict)
    _answers: dict[str, Intent] = field(default_factory=dict)
    _refunded: dict[str, tuple[RefundRequest, ProviderRefund]] = field(default_factory=dict)
    _failed_keys: set[str] = field(default_factory=set)
    _failures_to_save: Counter[str] = field(default_factory=Counter)
    _confirmed_once: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def save_failure(self, step: str, times: int = 1) -> None:
        """Let the next calls of a step fail with a 500 that is saved and replayed under their keys."""
        self._failures_to_save[step] += times

    def create(self, request: IntentRequest) -> Intent:
        """Create an unconfirmed intent; a token that nobody knows is a decline without an intent."""
        with self._lock:
            self._call("create", request.order_id, request.generation)
            key = _key("create", request.order_id, request.generation)
            with self.faults.around("create"):
                if request.payment_method == UNKNOWN_CARD:
                    return Intent("", IntentState.DECLINED, request.amount, decline_code="resource_missing")
                if key in self._created:
                    first, intent_id = self._created[key]
                    if first != request:
                        raise ProviderRefused("another request went out under the same key")
                    return self._answers[key]
                intent_id = f"pi_{len(self.intents) + 1:04d}"
                intent = Intent(intent_id, IntentState.UNCONFIRMED, request.amount)
                self.intents[intent_id] = intent
                self._requests[intent_id] = request
                self._created[key] = (request, intent_id)
                self._answers[key] = intent
                return intent

    def confirm(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Hold the money, unless the card says no."""
        with self._lock:
            card = self._requests[intent_id].payment_method
            if card == PROVIDER_DOWN_CARD:
                raise ProviderUnavailable("down")
            if intent_id not in self._confirmed_once:
                self._confirmed_once.add(intent_id)
                if card == STALE_KEY_CARD:
                    self.save_failure("confirm")
                if card in _FAULTS:
                    self.faults.plan("confirm", _FAULTS[card])
            decline = _DECLINES.get(card)

            def hold(intent: Intent) -> Intent:
                if decline:
                    return replace(intent, state=IntentState.DECLINED, decline_code=decline)
                return replace(intent, state=IntentState.AUTHORIZED)

            movable = {IntentState.UNCONFIRMED, IntentState.DECLINED}
            return self._change("confirm", order_id, intent_id, generation, movable, hold)

    def capture(self, order_id: OrderId, intent_id: str, amount: Money, generation: int) -> Intent:
        """Take the money."""

        def take(intent: Intent) -> Intent:
            self.captures[order_id] += 1
            return replace(intent, state=IntentState.CAPTURED, captured=amount.minor)

        with self._lock:
            return self._change("capture", order_id, intent_id, generation, {IntentState.AUTHORIZED}, take)

    def void(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Give the money free."""
        movable = {IntentState.UNCONFIRMED, IntentState.DECLINED, IntentState.AUTHORIZED}
        with self._lock:
            return self._change("void", order_id, intent_id, generation, movable, _canceled)

    def find(self, intent_id: str) -> Intent:
        """Retrieve the intent as it stands."""
        with self.faults.around("find"), self._lock:
            self.calls.append(("find", intent_id))
            return self.intents[intent_id]

    def refund(self, request: RefundRequest) -> ProviderRefund:
        """Give money back; a refusal is an answer too, and saved like one."""
        with self._lock:
            self._call("refund", request.refund_id, request.generation)
            key = _key("refund", request.refund_id, request.generation)
            with self.faults.around("refund"):
                captured = self.intents[request.intent_id].captured
                if key not in self._refunded:
                    self._refunded[key] = request, self.refunds.make(request, captured)
                first, answer = self._refunded[key]
                if first != request:
                    raise ProviderRefused("another request went out under the same key")
                return answer

    def find_refund(self, intent_id: str, refund_id: RefundId) -> ProviderRefund | None:
        """Find the refund as it stands."""
        with self.faults.around("find_refund"), self._lock:
            self.calls.append(("find_refund", refund_id))
            return self.refunds.find(intent_id, refund_id)

    def forget_keys(self) -> None:
        """Forget every saved answer, as after a day: the same call is a new one."""
        with self._lock:
            self._created.clear()
            self._answers.clear()
            self._refunded.clear()
            self._failed_keys.clear()

    def expire(self, intent_id: str) -> None:
        """Let the card's hold run out, as after seven days."""
        with self._lock:
            self.intents[intent_id] = _canceled(self.intents[intent_id])

    def intent_of(self, order_id: OrderId) -> Intent:
        """Return the order's newest intent."""
        return next(self.intents[i] for i, r in reversed(self._requests.items()) if r.order_id == order_id)

    def intents_of(self, order_id: OrderId) -> list[Intent]:
        """Return all the order's intents, oldest first."""
        return [self.intents[i] for i, r in self._requests.items() if r.order_id == order_id]

    def all_intents(self) -> list[tuple[OrderId, Intent]]:
        """Return all intents with their orders, oldest first."""
        return [(request.order_id, self.intents[i]) for i, request in self._requests.items()]

    def states_of(self, order_id: OrderId) -> set[IntentState]:
        """Return the states of all the order's intents."""
        return {intent.state for intent in self.intents_of(order_id)}

    def count(self, operation: str) -> int:
        """Return how often an operation was called."""
        return sum(1 for name, _ in self.calls if name == operation)

    @property
    def captured_total(self) -> int:
        """What was taken in all, in minor units."""
        return sum(intent.captured for intent in self.intents.values())

    @property
    def refund_outcomes(self) -> deque[RefundOutcome]:
        """What the next refunds come to, when it is not what they were asked for."""
        return self.refunds.outcomes

    @property
    def refunded_total(self) -> int:
        """What was given back in all, pending refunds included, in minor units."""
        return self.refunds.total()

    def _call(self, step: str, subject: OrderId | RefundId, generation: int) -> None:
        """Note the call; replay a failure saved under its key, or save one."""
        key = _key(step, subject, generation)
        self.calls.append((step, subject))
        self.keys.append(key)
        if key in self._failed_keys:
            raise StaleKey(f"500 of {key} is replayed")
        if self._failures_to_save[step] > 0:
            self._failures_to_save[step] -= 1
            self._failed_keys.add(key)
            raise PaymentOutcomeUnknown("500")

    def _change(
        self,
        step: str,
        order_id: OrderId,
        intent_id: str,
        generation: int,
        movable: set[IntentState],
        move: Callable[[Intent], Intent],
    ) -> Intent:
        self._call(step, order_id, generation)
        key = _key(step, order_id, generation)
        with self.faults.around(step):
            if key in self._answers:
                return self._answers[key]
            intent = self.intents[intent_id]
            if intent.state not in movable:
                return intent
            moved = self.intents[intent_id] = move(intent)
            if moved.state is not IntentState.DECLINED:
                # A decline is read from the intent, not from the saved answer.
                self._answers[key] = moved
            return moved


def _canceled(intent: Intent) -> Intent:
    return replace(intent, state=IntentState.CANCELED)


def _key(step: str, subject: OrderId | RefundId, generation: int) -> str:
    return f"{subject}/{step}/{generation}"
