"""Whatever happens and in whichever order: stock, money and ledger agree, and every order ends once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.properties.world import World, failing_calls, orders

if TYPE_CHECKING:
    from tests.fakes.faults import Fault

choices = st.integers(0, 255)
Wanted = list[tuple[dict[str, int], str]]


@settings(max_examples=600)
@given(
    wanted=orders,
    duplicates=st.lists(choices, max_size=4),
    faults=st.lists(failing_calls(), max_size=12),
    saved_failures=st.lists(st.sampled_from(["create", "confirm", "capture", "void"]), max_size=2),
    refused=st.sets(st.sampled_from(["MUG", "GIFT"]), max_size=1),
    schedule=st.lists(choices, max_size=40),
    interrupts=st.lists(choices, max_size=30),
)
def test_stock_money_and_ledger_agree_under_any_interleaving_and_any_fault(
    wanted: Wanted,
    duplicates: list[int],
    faults: list[tuple[str, str, Fault | None]],
    saved_failures: list[str],
    refused: set[str],
    schedule: list[int],
    interrupts: list[int],
) -> None:
    world = World()
    world.accept(wanted)
    world.pipeline.warehouse.refused_skus |= refused
    for choice in duplicates:
        world.repeat(choice)
    for fake, operation, fault in faults:
        world.plan(fake, operation, fault)
    for step in saved_failures:
        world.pipeline.payments.save_failure(step)
    world.interrupts += interrupts
    for number in schedule:
        world.act(number)
        world.check_always()
    world.settle()
    world.check_at_the_end()
    for head in world.pipeline.orders.heads.values():
        event(f"{head.status} {head.reason}")


@given(wanted=orders, schedule=st.lists(choices, max_size=40))
def test_without_faults_every_order_that_can_be_sold_is_sold(wanted: Wanted, schedule: list[int]) -> None:
    world = World()
    world.accept(wanted)
    for number in schedule:
        world.act(number)
    world.settle()
    world.check_at_the_end()
    for head in world.pipeline.orders.heads.values():
        technical = head.reason and ":" in head.reason and not head.reason.startswith("payment_declined:")
        assert not technical
