"""Messages come twice, at once and out of order: what is left is the same."""

from __future__ import annotations

import itertools
import os
import random
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.faults.matrix import SEED, play, play_clean
from tests.faults.scenarios import MUG, SCENARIOS, TEA, Scenario
from tests.faults.world import differences, look

if TYPE_CHECKING:
    import pytest

    from tests.faults.site import Site
    from tests.faults.wire import Wire

CHAOS: Final = bool(os.environ.get("ORDERS_CHAOS"))
# In the gate, of all scenarios together and of each kind of messages.
COPIES: Final = 4
SHUFFLES: Final = 2


def _conclude(capsys: pytest.CaptureFixture[str], what: str, cases: int, found: list[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{what}: {cases} cases, {len(found)} differences\n")
    assert not found, "\n".join(found)


def _deliver_a_copy(site: Site, number: int, wire: Wire) -> None:
    wire.interrupt(number, site.deliver_copy)


def test_a_copy_of_the_message_is_delivered_in_the_midst_of_the_first(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        (clean, number)
        for clean in (play_clean(site, scenario) for scenario in SCENARIOS)
        for number, call in enumerate(clean.calls)
        if call.in_a_step or call.service == "states"
    ]
    if not CHAOS:
        cases = random.Random(SEED).sample(cases, COPIES)  # noqa: S311 - the same in every run
    found = []
    for clean, number in cases:
        disturb = partial(_deliver_a_copy, site, number)
        world = play(site, clean.scenario, disturb)
        assert site.wire.interrupted
        where = f"{clean.scenario.name}, a copy before call {number} ({clean.calls[number]})"
        found += [f"{where}: {what}" for what in differences(clean.world, world)]
    _conclude(capsys, "copies at once", len(cases), found)


def _cancelled(site: Site, key: str) -> list[str]:
    order_id = site.submit(key, ("TEA", 1))
    site.cancel(order_id)
    return site.waiting()


def _refunded_twice(site: Site, key: str) -> list[str]:
    order_id = site.submit(key, ("TEA", 2), ("MUG", 1))
    site.settle()
    site.refund(order_id, "first", lines=[{"line": 1, "quantity": 1}], restock=True)
    site.refund(order_id, "second", amount=500)
    return site.waiting()


def _one_of_two_cancelled(site: Site, key: str) -> list[str]:
    orders = [site.submit(f"{key} {n}", ("TEA", 1)) for n in range(2)]
    site.cancel(orders[1])
    return site.waiting()


def _conserved(site: Site) -> dict[str, Any]:
    """What does not depend on which refund came first: sums, ends and shelves."""
    world = look(site)
    sums: dict[str, int] = {}
    for name in (name for name in world if name.startswith("order ")):
        for posting in (p for entry in world[name]["entries"] for p in entry["postings"]):
            sums[posting["account"]] = sums.get(posting["account"], 0) + posting["amount"]
        payments, shipments = world[name]["payments"], world[name]["shipments"]
        head = {k: v for k, v in world[name]["items"]["HEAD"].items() if k != "timeline"}
        world[name] = {
            "head": {k: v for k, v in head.items() if k != "refunds"},
            "refunded": sum(p["refunded"] for p in payments),
            "captured": sum(p["captured"] for p in payments),
            "shipments": shipments,
        }
    return {**world, "events": [name for name, _ in world["events"]], "sums": sums}


def test_messages_come_twice_and_in_any_order(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(SEED)  # noqa: S311 - the same in every run
    cases, found = 0, list[str]()
    stock = Scenario("", play=lambda *_: None, products=(TEA, MUG)).stock
    # The bodies name the order: the orders of delivery are of their numbers.
    numbers = sorted(set(itertools.permutations((0, 0, 1, 1))))
    for prepare in (_cancelled, _refunded_twice, _one_of_two_cancelled):
        clean: dict[str, Any] | None = None
        for order in [numbers[0], *(numbers[1:] if CHAOS else chance.sample(numbers, SHUFFLES))]:
            site.begin(stock)
            bodies = prepare(site, site.new_key(prepare.__name__))
            for number in order:
                site.deliver_body(bodies[number])
            site.settle()
            world = _conserved(site)
            clean = clean or world
            cases += 1
            found += [f"{prepare.__name__} {order}: {what}" for what in differences(clean, world)]
    _conclude(capsys, "shuffled copies", cases, found)
