"""The model itself, its page in the docs, and the domain's words and functions held against it."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.domain import transitions
from lambdas.domain.order import (
    TERMINAL,
    Cancellation,
    FulfillmentStatus,
    Order,
    PaymentStatus,
    RefundSums,
    Status,
)
from tests.fakes.orders_made import an_order
from tests.model.conservation import MONEY
from tests.model.documentation import PAGE, page
from tests.model.observed import state_of
from tests.model.order_life import (
    CAUSES,
    ENDS,
    GOODS,
    PAYMENTS,
    RULES,
    STATES,
    STATUSES,
    TRANSITIONS,
    State,
    has_ended,
    may_come_to,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    Change = Callable[[Order], Order]

EVENTS: Final = Path(__file__).parents[2] / "docs" / "events"
AT: Final = "2026-03-15T00:00:00.000Z"
WISH: Final = Cancellation(AT, "mistake", "key", "hash")
TOTAL: Final = an_order().total


def _rejected(payment: PaymentStatus, goods: FulfillmentStatus | None = None) -> Change:
    return lambda o: transitions.rejected(o, AT, "reason", payment=payment, fulfillment=goods)


def _attention(payment: PaymentStatus | None = None) -> Change:
    return lambda o: transitions.needs_attention(o, AT, "reason", payment=payment)


def _cancelled(payment: PaymentStatus) -> Change:
    return lambda o: transitions.cancelled(o, AT, payment=payment)


def _refunded(amount: int) -> Change:
    return lambda o: transitions.refunded(o, AT, amount, 0, last_step=True)


_VOIDED, _FREE = PaymentStatus.VOIDED, PaymentStatus.NOT_REQUIRED
# Every function of the domain that moves an order, by the cause it is called for and the payment before it
# where that matters. The claim itself ("taken on") is the store's write; tests/model/machine.py watches it.
MOVES: Final[dict[str, dict[str, Change]]] = {
    "reserved": {"*": lambda o: transitions.reserved(o, AT)},
    "sold": {"*": lambda o: transitions.completed(o, AT)},
    "declined": {"*": _rejected(PaymentStatus.DECLINED)},
    "cannot be sold": {"pending": _rejected(_VOIDED), "not_required": _rejected(_FREE)},
    "out of stock": {
        "pending": _rejected(_VOIDED, FulfillmentStatus.OUT_OF_STOCK),
        "not_required": _rejected(_FREE, FulfillmentStatus.OUT_OF_STOCK),
    },
    "payment lost": {"*": _rejected(PaymentStatus.EXPIRED)},
    "goods released": {"*": lambda o: transitions.released(o, AT)},
    "rejected after release": {"authorized": _rejected(_VOIDED), "not_required": _rejected(_FREE)},
    "cancelled": {"not_required": _cancelled(_FREE), "*": _cancelled(_VOIDED)},
    "set aside": {"*": _attention()},
    "payment lost after shipment": {"*": _attention(PaymentStatus.EXPIRED)},
    "captured elsewhere": {"*": _attention(PaymentStatus.CAPTURED)},
    "refunded in part": {"*": _refunded(1)},
    "refunded in full": {"*": lambda o: _refunded(o.total - o.refunds.refunded)(o)},
}
# Functions that leave all three states as they are.
STAYS: Final[dict[str, Change]] = {
    "payment_started": lambda o: transitions.payment_started(o, AT, "pi_1"),
    "next_key_generation": lambda o: transitions.next_key_generation(o, AT),
    "cancellation_requested": lambda o: transitions.cancellation_requested(o, AT, WISH),
    "abandoned": lambda o: transitions.abandoned(o, AT),
    "expiry_requested": lambda o: transitions.expiry_requested(o, AT),
    "ending_for": lambda o: transitions.ending_for(o, AT, "out_of_stock"),
    "handed_back": lambda o: transitions.handed_back(o, AT),
    "holding": lambda o: transitions.holding(o, AT, held=True),
    "refund_requested": lambda o: transitions.refund_requested(o, AT, 1),
    "refund_failed": lambda o: transitions.refund_failed(o, AT, 1),
    "restocked": lambda o: transitions.restocked(o, AT),
}


def order_in(state: State) -> Order:
    """An order's head in a state of the model."""
    refunded = 1 if state.payment == "partially_refunded" else 0
    return an_order(
        total=0 if state.payment == "not_required" else TOTAL,
        status=Status(state.status),
        payment_status=PaymentStatus(state.payment),
        fulfillment_status=FulfillmentStatus(state.goods),
        refunds=RefundSums(reserved=TOTAL, refunded=refunded, unfinished=1),
    )


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "taken on"])
def test_the_domains_functions_make_the_models_transitions(cause: str) -> None:
    steps = [t for t in TRANSITIONS if t.cause == cause]
    assert steps
    for step in steps:
        changes = MOVES[cause]
        change = changes.get(step.before.payment) or changes["*"]
        assert state_of(change(order_in(step.before))) == step.after


@pytest.mark.parametrize("name", STAYS)
def test_what_is_no_transition_leaves_the_states_alone(name: str) -> None:
    for state in STATES:
        assert state_of(STAYS[name](order_in(state))) == state


def test_every_function_of_the_domain_is_held_against_the_model() -> None:
    functions = {n for n, f in inspect.getmembers(transitions, inspect.isfunction) if _public(n, f)}
    text = inspect.getsource(
        inspect.getmodule(test_the_domains_functions_make_the_models_transitions) or object
    )
    called = set(re.findall(r"transitions\.([a-z_]+)\(", text))
    assert functions == called


def _public(name: str, function: Any) -> bool:
    return not name.startswith("_") and function.__module__ == transitions.__name__


@pytest.mark.parametrize(
    ("words", "model"), [(Status, STATUSES), (PaymentStatus, PAYMENTS), (FulfillmentStatus, GOODS)]
)
def test_the_domain_knows_the_models_words_and_each_occurs(
    words: type[StrEnum], model: dict[str, str]
) -> None:
    assert {word.value for word in words} == set(model)
    assert set(model) <= {word for state in STATES for word in state}


def test_every_rule_and_every_cause_is_used() -> None:
    assert {rule.cause for rule in RULES} == set(CAUSES) == {t.cause for t in TRANSITIONS}
    assert set(MONEY) == set(PAYMENTS)
    assert set(ENDS) == set(TERMINAL)


def test_an_order_ends_once() -> None:
    """What has ended keeps its status and its goods; only a sold order's money moves on."""
    for step in TRANSITIONS:
        if has_ended(step.before):
            assert step.after.status == step.before.status == "completed"
            assert step.after.goods == step.before.goods


def test_every_order_can_still_end_except_one_whose_payment_is_gone() -> None:
    stuck = {s for s in STATES if not any(has_ended(end) and may_come_to(s, end) for end in STATES)}
    lost = {State(status, "expired", "reserved") for status in ("processing", "attention_required")}
    by_hand = {s for s in STATES if s.payment == "captured" and s.goods == "released"}
    assert stuck == lost | by_hand


@pytest.mark.parametrize("end", ENDS)
def test_the_event_of_an_end_shows_the_states_of_that_end(end: str) -> None:
    """The order's end as it was: refunds come later, with events of their own."""
    reached = [t.after for t in TRANSITIONS if t.after.status == end != t.before.status]
    data = json.loads((EVENTS / f"order.{end}.v1.json").read_text(encoding="utf-8"))["properties"]["data"]
    for axis, number in (("payment_status", 1), ("fulfillment_status", 2)):
        schema = data["properties"][axis]
        told = set(schema.get("enum") or [schema["const"]])
        assert told == {state[number] for state in reached}


def test_the_page_in_the_docs_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"
