"""The payment port: what the pipeline asks of a payment provider, and what it may hear.

Intent first: a payment is created unconfirmed (harmless if repeated), its id is stored with the order, and
only then is it confirmed. From there on the payment's id is the natural key of the money: it can be confirmed
once, captured once, and always be retrieved.

A payment can be refunded more than once, so a refund has an id of ours, which goes to the provider with it:
by that it is found again among the payment's refunds, however long ago it was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, RefundId
    from lambdas.domain.money import Money


class IntentState(StrEnum):
    """Where a payment stands at the provider, as far as it matters to the pipeline."""

    UNCONFIRMED = "unconfirmed"
    DECLINED = "declined"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment at the provider. `decline_code` is set when it is declined; amounts are minor units."""

    intent_id: str
    state: IntentState
    amount: Money
    captured: int = 0
    decline_code: str | None = None


@dataclass(frozen=True, slots=True)
class IntentRequest:
    """What a new payment is created from; `generation` numbers the keys sent to the provider."""

    order_id: OrderId
    amount: Money
    payment_method: str
    generation: int


class RefundState(StrEnum):
    """Where a refund stands at the provider; a pending one has left the shop's hands and may still fail."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What money is given back with: how much of which payment, why, and under which generation of keys."""

    order_id: OrderId
    refund_id: RefundId
    intent_id: str
    amount: Money
    reason_code: str
    generation: int


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """A refund at the provider, by its reference there.

    `failure` is the code of a failed one. When the provider refused it there is no reference (""), and
    `amount` is what was asked for.
    """

    reference: str
    state: RefundState
    amount: Money
    failure: str | None = None


class StaleKey(Exception):
    """The provider replays a saved failure for this key: a next generation has to be stored and used."""


class PaymentProvider(Protocol):
    """Every method raises PaymentOutcomeUnknown, ProviderUnavailable, ProviderRefused or StaleKey."""

    def create(self, request: IntentRequest) -> Intent:
        """Create a payment that is not confirmed; a business refusal comes back as a declined intent."""
        ...

    def confirm(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Authorise the payment: holds the money, takes none."""
        ...

    def capture(self, order_id: OrderId, intent_id: str, amount: Money, generation: int) -> Intent:
        """Take the money that was authorised."""
        ...

    def void(self, order_id: OrderId, intent_id: str, generation: int) -> Intent:
        """Give the authorised money free."""
        ...

    def find(self, intent_id: str) -> Intent:
        """Retrieve the payment by its id (never by search, which lags)."""
        ...

    def refund(self, request: RefundRequest) -> ProviderRefund:
        """Give money back; a business refusal comes back as a failed refund without a reference.

        The provider forgets keys, after a day at the earliest: look with `find_refund` before asking again.
        """
        ...

    def find_refund(self, intent_id: str, refund_id: RefundId) -> ProviderRefund | None:
        """Find a refund among all of its payment's (never by search, which lags); the newest of several."""
        ...
