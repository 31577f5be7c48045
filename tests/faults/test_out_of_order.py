"""Messages of one order in every order, and twice: what they ask for is stored, so the order ends alike."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Final

import pytest

from lambdas.domain.commands import command_text, process_command
from lambdas.domain.identifiers import OrderId
from tests.faults.observed import differences, observe
from tests.faults.parts import cancel, completed, refund, submitted, then

if TYPE_CHECKING:
    from tests.faults.observed import View
    from tests.faults.parts import Part
    from tests.faults.world import Saved, World

_TWO_REFUNDS: Final = then(
    completed(),
    refund("refund-1", lines=[{"line": 1, "quantity": 1}], restock=True),
    refund("refund-2", amount=100),
)
CASES: Final = {
    "process and cancel": then(submitted(), cancel),
    "two refunds and a late process": _TWO_REFUNDS,
}


@pytest.mark.parametrize("case", CASES)
def test_an_order_ends_alike_in_whatever_order_its_messages_come(
    world: World, empty: Saved, case: str
) -> None:
    start = with_messages(world, empty, CASES[case])
    ends = {
        numbers: end_of(world, start, numbers) for numbers in permutations(range(len(world.aws.messages())))
    }
    first, *others = ends.items()
    assert [f"{numbers}: {line}" for numbers, end in others for line in differences(first[1], end)] == []
    assert len(ends) > 2


def with_messages(world: World, empty: Saved, prepare: Part) -> Saved:
    """Bring an order to where several messages wait, one of them twice, and a late one."""
    world.restore(empty)
    prepare(world)
    messages = world.aws.messages()
    again = {**messages[0], "id": "again"}
    body = command_text(process_command(OrderId(world.order_id)))
    messages += [again, {**messages[0], "id": "late", "body": body}]
    return world.save()


def end_of(world: World, start: Saved, numbers: tuple[int, ...]) -> View:
    """Deliver one message after the other in this order, then let everybody do what is left."""
    world.restore(start)
    world.batch = 1
    messages = world.aws.messages()
    messages[:] = [messages[number] for number in numbers]
    world.settle()
    return without_order(observe(world))


def without_order(view: View) -> View:
    """Leave out which refund came first: in timeline and ledger, and in what each event could know."""
    events = view["events"]
    for event in events.values():
        event["data"].pop("refunded", None)
        event["data"].pop("payment_status", None)
    for head in view["orders"].values():
        head.get("timeline", []).sort()
    ledger = {entry["event_id"]: entry for entry in view["ledger"].values()}
    for entry in ledger.values():
        del entry["entry_id"], entry["entry_no"]
    return {**view, "events": events, "ledger": ledger}
