"""Duplicated, shuffled and faulty deliveries of thousands of orders: each of them ends exactly once.

The real services, the real definition and the real dispatcher over the fakes, in simulated time. `make chaos`
runs it at full size on several seeds (ORDERS_CHAOS=1); ORDERS_DELIVERIES, ORDERS_SEEDS and ORDERS_FAULT_RATE
change the plan. A delivery counts when it starts an execution; what is parked meanwhile comes on top.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Final

import pytest

from lambdas.domain.refund import RefundStatus
from lambdas.services import dispatch_batch
from tests.properties.invariants import check_always, check_at_the_end
from tests.properties.traffic.report import report
from tests.properties.traffic.simulation import Plan, Simulation
from tests.properties.traffic.sums import at_the_provider, in_the_ledger
from tests.properties.world import CALLS

CHAOS: Final = bool(os.environ.get("ORDERS_CHAOS"))
DELIVERIES: Final = int(os.environ.get("ORDERS_DELIVERIES", "20000" if CHAOS else "1500"))
SEEDS: Final = os.environ.get("ORDERS_SEEDS", "1,2,3" if CHAOS else "1").split(",")
FAULT_RATE: Final = float(os.environ.get("ORDERS_FAULT_RATE", "0.05"))


@pytest.fixture(scope="module", params=SEEDS)
def run(request: pytest.FixtureRequest) -> Simulation:
    """All of the traffic, settled."""
    plan = Plan(DELIVERIES, int(request.param), FAULT_RATE)
    simulation = Simulation(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch_batch, "random", random.Random(plan.seed))  # noqa: S311 - jitter
        simulation.run(check_always)
    print(f"\n{report(simulation)}")  # noqa: T201 - the run's figures
    return simulation


def test_the_traffic_was_as_bad_as_it_was_meant_to_be(run: Simulation) -> None:
    plan, queue = run.plan, run.queue
    assert run.tried >= plan.deliveries
    assert run.delivered >= run.tried
    assert queue.copies > 0.15 * run.delivered
    assert queue.again > 0.1 * run.delivered
    assert abs(run.weather.share / plan.fault_rate - 1) < 0.25
    assert 0.3 < run.weather.with_effect / run.weather.failed.total() < 0.6
    assert {fake for fake, _ in CALLS} <= set(run.weather.failed), "there is a fake that never failed"
    assert set(run.executions.happened) == set(type(run.executions.mishaps).__slots__)
    heads = run.pipeline.orders.heads.values()
    assert {"completed", "rejected", "cancelled"} == {head.status.value for head in heads}
    reasons = Counter((head.reason or "").partition(":")[0] for head in heads)
    assert reasons.keys() >= {"out_of_stock", "payment_declined", "shipment_refused", "customer_request"}
    assert any(head.total == 0 for head in heads)
    refunds = Counter(refund.status for refund in run.pipeline.refunds.stored.values())
    assert refunds.keys() == {RefundStatus.SUCCEEDED, RefundStatus.FAILED}
    assert len(run.pipeline.inventory.parts) > 0.1 * len(heads)


def test_every_order_ends_exactly_once(run: Simulation) -> None:
    orders = set(run.pipeline.orders.heads)
    assert run.watched.forbidden == []
    assert {order_id: n for order_id, n in run.watched.ends.items() if n} == dict.fromkeys(orders, 1)
    ends = [e for e in {event["id"] for event in run.bus.events} if e.startswith("ord_")]
    assert Counter(e.partition(".")[0] for e in ends) == Counter(orders)
    assert set(run.shop.accepted) <= orders


def test_nothing_is_left_to_do(run: Simulation) -> None:
    assert run.queue.empty
    assert run.queue.dead == []
    heads = run.pipeline.orders.heads.values()
    assert not [head for head in heads if head.open or head.claim]


def test_stock_money_and_ledger_agree_with_every_order(run: Simulation) -> None:
    check_at_the_end(run)


def test_what_the_provider_took_and_gave_back_is_what_is_booked(run: Simulation) -> None:
    """By order, and so by currency."""
    provider, ledger = at_the_provider(run.pipeline), in_the_ledger(run.pipeline)
    assert provider.captured == ledger.captured
    assert provider.refunded == ledger.refunded
    assert provider.by_currency() == ledger.by_currency()
    assert set(provider.by_currency()) == {"GBP", "EUR", "JPY"}
    assert all(0 < refunded < captured for captured, refunded in provider.by_currency().values())
