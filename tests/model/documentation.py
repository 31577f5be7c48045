"""Writes docs/order-life.md from the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.model.conservation import MONEY, OFF_THE_SHELF, at_provider, must_be_shipped
from tests.model.order_life import (
    CAUSES,
    FIRST,
    GOODS,
    PAYMENTS,
    STATES,
    STATUSES,
    TRANSITIONS,
    State,
    has_ended,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE: Final = Path(__file__).parents[2] / "docs" / "order-life.md"
AXES: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    ("status", "The order", STATUSES),
    ("payment_status", "Its money", PAYMENTS),
    ("fulfillment_status", "Its goods", GOODS),
)
_INTRODUCTION: Final = """\
# An order's life

What states an order can be in, what may follow, and why. `make docs` makes this page from the model in
`tests/model/order_life.py`, which the tests hold against the real pipeline: every write to an order is
one of the transitions below, and every transition below is made. Do not edit it.

**For clients.** An order has three states at once: `status`, `payment_status`, `fulfillment_status`.
Between two looks it may have gone any number of steps. Three statuses are the end: `completed`,
`rejected`, `cancelled`; from there only refunds change something, and only the money.
`attention_required` is not the end, and nothing for you to act on; you may still cancel.

**For operators.** `attention_required` keeps whatever the order has: its money stays held, its goods stay
reserved. A replay goes on from there. Two kinds of orders no replay can end, because their money was
moved behind the pipeline's back: those whose payment expired after the shipment, and those whose money
was taken by hand after the goods went back.

**For auditors.** The last section says what provider, ledger, shelf and warehouse must show for each
state. A payment that was made and never confirmed holds nothing, and may exist beside any state.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for number, (name, title, meanings) in enumerate(AXES):
        parts.append(_axis(number, name, title, meanings))
    parts += [_causes(), _states(), _transitions(), _books()]
    return "\n".join(parts)


def _axis(number: int, name: str, title: str, meanings: Mapping[str, str]) -> str:
    rows = []
    for word, meaning in meanings.items():
        following = {t.after[number] for t in TRANSITIONS if t.before[number] == word} - {word}
        ordered = [f"`{other}`" for other in meanings if other in following]
        rows.append((f"`{word}`", meaning, ", ".join(ordered) or "nothing"))
    table = _table(("state", "meaning", "may be followed by"), rows)
    return f"## {title}: `{name}`\n\n{table}\n{_diagram(number, meanings)}"


def _diagram(number: int, meanings: Mapping[str, str]) -> str:
    """One axis as Mermaid draws it; several causes of one arrow share its label."""
    causes: dict[tuple[str, str], list[str]] = {}
    for step in TRANSITIONS:
        before, after = step.before[number], step.after[number]
        if before != after and step.cause not in causes.setdefault((before, after), []):
            causes[before, after].append(step.cause)
    lines = [f"    [*] --> {word}" for word in meanings if word in {state[number] for state in FIRST}]
    lines += [
        f"    {before} --> {after}: {', '.join(cause for cause in CAUSES if cause in labels)}"
        for (before, after), labels in sorted(causes.items(), key=lambda item: _order(item[0], meanings))
    ]
    ends = [word for word in meanings if all(has_ended(s) for s in STATES if s[number] == word)]
    lines += [f"    {word} --> [*]" for word in ends]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def _order(words: Iterable[str], meanings: Mapping[str, str]) -> list[int]:
    known = list(meanings)
    return [known.index(word) for word in words]


def _causes() -> str:
    rows = [(cause, who, text) for cause, (who, text) in CAUSES.items()]
    return f"## What moves an order\n\n{_table(('cause', 'from', 'what happens'), rows)}"


def _states() -> str:
    rows = []
    for number, state in enumerate(STATES, 1):
        following = sorted({STATES.index(t.after) + 1 for t in TRANSITIONS if t.before == state} - {number})
        rows.append(
            (str(number), *(f"`{word}`" for word in state), ", ".join(map(str, following)) or "nothing")
        )
    table = _table(("", "`status`", "`payment_status`", "`fulfillment_status`", "next"), rows)
    many = len(PAYMENTS) * len(GOODS) * len(STATUSES)
    said = f"Of {many} combinations these occur; no other is ever stored."
    return f"## All {len(STATES)} states\n\n{said}\n\n{table}"


def _transitions() -> str:
    moves = [t for t in TRANSITIONS if t.before != t.after]
    rows = [
        (t.cause, _numbered(t.before), _numbered(t.after))
        for cause in CAUSES
        for t in moves
        if t.cause == cause
    ]
    table = _table(("cause", "from", "to"), rows)
    count = len({(t.before, t.after) for t in moves})
    return f"## All {count} transitions\n\nThe numbers are those of the states above.\n\n{table}"


def _numbered(state: State) -> str:
    return f"{STATES.index(state) + 1}: {state}"


def _books() -> str:
    rows = []
    for number, state in enumerate(STATES, 1):
        goods = "off the shelf" if state.goods in OFF_THE_SHELF else "on the shelf"
        rows.append((f"{number}: {state}", _provider(state), _ledger(state), goods, _shipment(state)))
    heads = ("state", "payment at the provider", "ledger", "goods", "shipment")
    restocked = "Goods that a refund puts back (`restocked`) are on the shelf again.\n"
    return f"## What the books must show\n\n{_table(heads, rows)}\n{restocked}"


def _provider(state: State) -> str:
    money = MONEY[state.payment]
    if state.payment == "not_required":
        return "none"
    return " or ".join([*(["none"] if money.none else []), *sorted(at_provider(state))])


def _ledger(state: State) -> str:
    if state.status != "completed" or state.payment == "not_required":
        return "no entry"
    return "the capture" + {"captured": "", "partially_refunded": ", refunds below it"}.get(
        state.payment, ", refunds as high"
    )


def _shipment(state: State) -> str:
    if must_be_shipped(state):
        return "yes"
    return "perhaps" if state.goods == "reserved" else "no"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
