"""An order's life as a table: the states that it can be in, what moves it from one to the next, and why.

The model knows nothing of the code. A state is joint: what the order is, where its money stands and where its
goods stand. Rules are patterns over joint states; what they reach from the first states is all that can
ever be stored. Tests hold the pipeline against it, and docs/order-life.md is made from it (`make docs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


class State(NamedTuple):
    """A joint state; the words are those of the API."""

    status: str
    payment: str
    goods: str

    def __str__(self) -> str:
        """Show it as the docs do."""
        return " · ".join(self)


STATUSES: Final = {
    "accepted": "The order is stored and waits for its turn.",
    "processing": "An execution works on it, or its message will come back to be tried again.",
    "attention_required": "Tries are used up, or something happened that no program may decide. It is not "
    "lost: an operator looks at it and starts it again; `reason` says what failed.",
    "completed": "Shipped and paid. The end; only refunds can follow.",
    "rejected": "Not sold, for a business reason in `reason`. The end: nothing was taken, nothing is held.",
    "cancelled": "Ended as its client wished. The end: nothing was taken, nothing is held.",
}
PAYMENTS: Final = {
    "pending": "Nothing was taken. Money may be held already: it shows with the reservation.",
    "authorized": "The money is held at the provider, not taken.",
    "captured": "The money was taken.",
    "partially_refunded": "The money was taken, and a part of it given back.",
    "refunded": "The money was taken, and all of it given back.",
    "declined": "The provider refused to hold the money.",
    "voided": "Nothing is held any more, or nothing ever was.",
    "expired": "The provider gave the held money free by itself.",
    "not_required": "The order's total is zero: there is nothing to pay.",
}
GOODS: Final = {
    "unreserved": "Nothing is held for the order.",
    "reserved": "Its goods are held; the shipment may have been booked.",
    "shipped": "The warehouse has accepted the shipment.",
    "out_of_stock": "There was not enough left of something; nothing is held.",
    "released": "Its goods were held and are back on the shelf.",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """States that fit `before` may become `after`.

    In `before` a word of each axis, several with `|`, or `*`; in `after` a word, or `=` for what it was.
    """

    cause: str
    before: str
    after: str


# Who moves an order, and how: in the order in which it usually happens.
CAUSES: Final = {
    "taken on": (
        "pipeline",
        "An execution claims the order: after the submission, a redelivery, a replay or a hand-back.",
    ),
    "reserved": ("pipeline", "The money is held and then the goods are; both show at once."),
    "sold": ("pipeline", "The warehouse has accepted the shipment; the money is taken and booked."),
    "declined": ("provider", "The provider refuses to hold the money."),
    "cannot be sold": (
        "pipeline",
        "Before the reservation: a product was withdrawn, or the payment is too old. It is voided.",
    ),
    "out of stock": ("pipeline", "There is not enough left of something. The payment is voided."),
    "payment lost": (
        "provider",
        "Before anything was reserved, the payment is found cancelled. It is never charged anew.",
    ),
    "goods released": (
        "pipeline",
        "The warehouse refused the shipment, or the order is to end and was not shipped yet.",
    ),
    "rejected after release": ("pipeline", "The payment is voided after the goods went back."),
    "cancelled": ("client", "The cancellation is carried out: it came before the warehouse's acceptance."),
    "set aside": (
        "pipeline",
        "Every try failed, or the payment was found lost after the reservation: an operator decides.",
    ),
    "payment lost after shipment": (
        "provider",
        "The shipment is accepted and the held money is gone: an operator decides.",
    ),
    "captured elsewhere": (
        "operator",
        "Somebody took the money at the provider by hand, of an order that is not to be sold.",
    ),
    "refunded in part": ("client", "A refund is booked and something is left to refund."),
    "refunded in full": ("client", "A refund is booked and nothing is left to refund."),
}
FIRST: Final = (State("accepted", "pending", "unreserved"), State("accepted", "not_required", "unreserved"))
RULES: Final = (
    Rule("taken on", "accepted|processing|attention_required * *", "processing = ="),
    Rule("reserved", "processing pending unreserved", "= authorized reserved"),
    Rule("reserved", "processing not_required|captured unreserved", "= = reserved"),
    Rule("sold", "processing authorized|captured reserved", "completed captured shipped"),
    Rule("sold", "processing not_required reserved", "completed = shipped"),
    Rule("declined", "processing pending unreserved", "rejected declined ="),
    Rule("cannot be sold", "processing pending unreserved", "rejected voided ="),
    Rule("cannot be sold", "processing not_required unreserved", "rejected = ="),
    Rule("out of stock", "processing pending unreserved", "rejected voided out_of_stock"),
    Rule("out of stock", "processing not_required unreserved", "rejected = out_of_stock"),
    Rule("payment lost", "processing pending unreserved", "rejected expired ="),
    Rule("goods released", "processing authorized|captured|not_required reserved", "= = released"),
    Rule("rejected after release", "processing authorized released", "rejected voided ="),
    Rule("rejected after release", "processing not_required released", "rejected = ="),
    Rule("cancelled", "processing pending unreserved", "cancelled voided ="),
    Rule("cancelled", "processing authorized released", "cancelled voided ="),
    Rule("cancelled", "processing not_required unreserved|released", "cancelled = ="),
    Rule("set aside", "accepted|processing * *", "attention_required = ="),
    Rule("payment lost after shipment", "processing authorized reserved", "attention_required expired ="),
    Rule("captured elsewhere", "processing pending unreserved", "attention_required captured ="),
    Rule("captured elsewhere", "processing authorized released", "attention_required captured ="),
    Rule("refunded in part", "completed captured|partially_refunded shipped", "= partially_refunded ="),
    Rule("refunded in full", "completed captured|partially_refunded shipped", "= refunded ="),
)


class Transition(NamedTuple):
    """One step of an order's life; before and after are alike when it is tried again."""

    cause: str
    before: State
    after: State


def _fits(state: State, pattern: str) -> bool:
    words = zip(state, pattern.split(), strict=True)
    return all(allowed == "*" or word in allowed.split("|") for word, allowed in words)


def _moved(state: State, after: str) -> State:
    words = zip(state, after.split(), strict=True)
    return State(*(old if new == "=" else new for old, new in words))


def _reach() -> tuple[Transition, ...]:
    """Follow the rules from the first states until nothing new is found."""
    found: dict[Transition, None] = {}
    waiting, seen = list(FIRST), set(FIRST)
    while waiting:
        state = waiting.pop(0)
        for rule in RULES:
            if _fits(state, rule.before):
                after = _moved(state, rule.after)
                found[Transition(rule.cause, state, after)] = None
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
    return tuple(found)


TRANSITIONS: Final = _reach()
ENDS: Final = ("completed", "rejected", "cancelled")


def _sorted_states() -> tuple[State, ...]:
    states = {*FIRST, *(t.after for t in TRANSITIONS)}
    axes = tuple(tuple(axis) for axis in (STATUSES, PAYMENTS, GOODS))
    return tuple(sorted(states, key=lambda s: [axis.index(word) for word, axis in zip(s, axes, strict=True)]))


STATES: Final = _sorted_states()
_STEPS: Final = frozenset((t.before, t.after) for t in TRANSITIONS)


def may_become(before: State, after: State) -> bool:
    """Tell whether one transition leads there, or nothing has changed."""
    return before in STATES and (before == after or (before, after) in _STEPS)


def may_come_to(before: State, after: State) -> bool:
    """Tell whether any number of transitions leads there."""
    seen, waiting = {before}, [before]
    while waiting:
        state = waiting.pop()
        onward = {t.after for t in TRANSITIONS if t.before == state} - seen
        seen |= onward
        waiting += onward
    return before in STATES and after in seen


def has_ended(state: State) -> bool:
    """Tell whether the order is over; refunds may still move its money."""
    return state.status in ENDS
