"""What an order's state says of the money at the provider, the ledger, the shelf and the warehouse.

Facts are what those say themselves, at one moment; `violations` compares. It holds at every moment,
also between an effect and the write that tells of it: so some states allow more than one thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.model.order_life import has_ended

if TYPE_CHECKING:
    from tests.model.order_life import State


@dataclass(frozen=True, slots=True)
class Facts:
    """One order as others see it; all amounts are minor units.

    `payments` are the states of its payments at the provider; `captured` and `returned` what was taken and
    given back there; `booked` is what its journal entries leave on the receivable; `shipped` whether the
    warehouse has its shipment.
    """

    total: int
    payments: frozenset[str]
    captured: int
    returned: int
    entries: int
    booked: int
    refunded: int
    reserved_for_refunds: int
    shipped: bool


@dataclass(frozen=True, slots=True)
class Money:
    """What the provider's payment may be: one of these, or none of them when `none`."""

    at_provider: frozenset[str]
    none: bool = False


def _money(*states: str, none: bool = False) -> Money:
    return Money(frozenset(states), none)


# A payment that was created and never confirmed holds nothing: a lost answer may leave one behind.
HARMLESS: Final = frozenset({"unconfirmed"})
MONEY: Final = {
    "pending": _money("declined", "authorized", "canceled", none=True),
    "authorized": _money("authorized", "captured", "canceled"),
    "captured": _money("captured"),
    "partially_refunded": _money("captured"),
    "refunded": _money("captured"),
    "declined": _money("declined", none=True),
    "voided": _money("canceled", none=True),
    "expired": _money("canceled"),
    "not_required": _money(none=True),
}


def at_provider(state: State) -> frozenset[str]:
    """What the payment may be at the provider; taken before the sale it is only while goods are held."""
    taken_early = state.payment == "authorized" and state.goods != "reserved"
    return MONEY[state.payment].at_provider - ({"captured"} if taken_early else set())


OFF_THE_SHELF: Final = frozenset({"reserved", "shipped"})
# The goods' states in which the warehouse may have, or must have, the shipment.
MAY_BE_SHIPPED: Final = frozenset({"reserved", "shipped"})


def must_be_shipped(state: State) -> bool:
    """Tell whether the warehouse has accepted the shipment for certain."""
    return state.goods == "shipped" or (state.payment == "expired" and state.goods == "reserved")


def violations(state: State, facts: Facts) -> list[str]:
    """Name everything that contradicts the state."""
    payments = facts.payments - HARMLESS
    sold = state.status == "completed"
    takes_money = sold and facts.total > 0
    refunded = {
        "partially_refunded": 0 < facts.refunded < facts.total,
        "refunded": facts.refunded == facts.total,
    }
    holds = {
        "the provider's payment is as the order says": payments <= at_provider(state)
        and (bool(payments) or MONEY[state.payment].none),
        "money is taken of sold orders, or its answer is on its way": not facts.captured
        or takes_money
        or (state.goods == "reserved" or state.payment == "captured"),
        "a sold order's total is taken": not takes_money or facts.captured == facts.total,
        "no more is given back than was reserved for refunds": facts.refunded
        <= facts.returned
        <= facts.reserved_for_refunds
        <= facts.total,
        "what was refunded is as the payment says": refunded.get(state.payment, facts.refunded == 0),
        "a sold order has its entries, no other has any": (facts.entries > 0) == takes_money,
        "the ledger is what was taken and given back": facts.booked
        == (facts.total - facts.refunded if takes_money else 0),
        "the warehouse has the shipment": facts.shipped or not must_be_shipped(state),
        "the warehouse ships nothing else": not facts.shipped or state.goods in MAY_BE_SHIPPED,
        "an order without a sale ends with nothing held": not has_ended(state)
        or sold
        or (not facts.captured and "authorized" not in payments and state.goods not in OFF_THE_SHELF),
    }
    return [what for what, so in holds.items() if not so]
