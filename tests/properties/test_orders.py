"""Whatever happens and in whichever order: stock, money and ledger agree, and every order ends once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.fakes.inventory import SKUS_AT_ONCE
from tests.fakes.payments import GOOD_CARD
from tests.fakes.provider_refunds import refused_with
from tests.properties.invariants import check_always, check_at_the_end
from tests.properties.world import KINDS, World, baskets, failing_calls, failing_refund_calls, orders

if TYPE_CHECKING:
    from tests.fakes.faults import Fault

choices = st.integers(0, 399)
refunds = choices.map(lambda number: number // KINDS * KINDS + KINDS - 1)
# Whether orders of several SKUs are held in parts, as large ones are in DynamoDB.
in_parts = st.sampled_from([SKUS_AT_ONCE, 1])
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
    at_once=in_parts,
)
def test_stock_money_and_ledger_agree_under_any_interleaving_and_any_fault(
    wanted: Wanted,
    duplicates: list[int],
    faults: list[tuple[str, str, Fault | None]],
    saved_failures: list[str],
    refused: set[str],
    schedule: list[int],
    interrupts: list[int],
    at_once: int,
) -> None:
    world = World()
    world.pipeline.inventory.at_once = at_once
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
        check_always(world)
    world.settle()
    check_at_the_end(world)
    for head in world.pipeline.orders.heads.values():
        event(f"{head.status} {head.reason}, cancellation {head.cancellation_status}")


@settings(max_examples=600)
@given(
    baskets=st.lists(baskets, min_size=1, max_size=3),
    faults=st.lists(failing_refund_calls(), max_size=10),
    saved_failures=st.integers(0, 2),
    refused=st.integers(0, 2),
    schedule=st.lists(choices | refunds, min_size=4, max_size=40),
    interrupts=st.lists(choices | refunds, max_size=30),
)
def test_refunds_of_sold_orders_agree_under_any_interleaving_and_any_fault(
    baskets: list[dict[str, int]],
    faults: list[tuple[str, str, Fault | None]],
    saved_failures: int,
    refused: int,
    schedule: list[int],
    interrupts: list[int],
) -> None:
    world = World()
    world.accept([(basket, GOOD_CARD) for basket in baskets])
    world.settle()
    for fake, operation, fault in faults:
        world.plan(fake, operation, fault)
    world.pipeline.payments.save_failure("refund", saved_failures)
    world.pipeline.payments.refund_outcomes.extend([refused_with("charge_disputed")] * refused)
    world.interrupts += interrupts
    for number in schedule:
        world.act(number)
        check_always(world)
    world.settle()
    check_at_the_end(world)
    for head in world.pipeline.orders.heads.values():
        event(head.payment_status)
    for refund in world.pipeline.refunds.stored.values():
        event(f"refund {refund.status}, restocked {refund.restocked}")


@given(wanted=orders, schedule=st.lists(choices, max_size=40))
def test_without_faults_every_order_that_can_be_sold_is_sold(wanted: Wanted, schedule: list[int]) -> None:
    world = World()
    world.accept(wanted)
    for number in schedule:
        world.act(number)
    world.settle()
    check_at_the_end(world)
    for head in world.pipeline.orders.heads.values():
        technical = head.reason and ":" in head.reason and not head.reason.startswith("payment_declined:")
        assert not technical
