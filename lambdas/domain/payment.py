"""The payment port: what the pipeline asks of a payment provider, and what it may hear.

Intent first: a payment is created unconfirmed (harmless if repeated), its id is stored with the order, and
only then is it confirmed. From there on the payment's id is the natural key of the money: it can be confirmed
once, captured once, and always be retrieved.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId
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
