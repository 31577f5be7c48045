"""What a run was, in a few lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.properties.traffic.sums import at_the_provider, in_the_ledger

if TYPE_CHECKING:
    from tests.properties.traffic.simulation import Simulation
    from tests.properties.traffic.sums import Sums


def report(run: Simulation) -> str:
    """Tell what was delivered, what failed, and what came of it; sums are in minor units."""
    return "\n".join(
        (
            _deliveries(run),
            _faults(run),
            _orders(run),
            f"at the provider: {_in_words(at_the_provider(run.pipeline))}",
            f"in the ledger:   {_in_words(in_the_ledger(run.pipeline))}",
        )
    )


def _deliveries(run: Simulation) -> str:
    queue = run.queue
    return (
        f"{run.tried} of {run.delivered} deliveries started an execution, the others were parked or "
        f"throttled; {queue.copies} of all were duplicates, {queue.again} came again; {run.dead_letters} "
        f"dead letters replayed; {run.drained} more without faults; {run.seconds:.1f} s; seed {run.plan.seed}"
    )


def _faults(run: Simulation) -> str:
    weather = run.weather
    mishaps = (f"{n} {name.replace('_', ' ')}" for name, n in sorted(run.executions.happened.items()))
    return (
        f"{weather.failed.total()} of {weather.calls.total()} calls failed ({weather.share:.2%}), "
        f"{weather.with_effect} after their effect, {weather.in_storms} in {weather.storms} storms; "
        f"{run.shop.told['saved failures']} failures saved by the provider; {', '.join(mishaps)}"
    )


def _orders(run: Simulation) -> str:
    pipeline = run.pipeline
    ends = Counter(head.status.value for head in pipeline.orders.heads.values())
    return (
        f"{len(pipeline.orders.heads)} orders ended: "
        f"{', '.join(f'{n} {status}' for status, n in sorted(ends.items()))}; "
        f"{len(pipeline.inventory.parts)} were held in parts; {len(pipeline.refunds.stored)} refunds"
    )


def _in_words(sums: Sums) -> str:
    return "; ".join(
        f"{currency} {captured} captured, {refunded} refunded"
        for currency, (captured, refunded) in sums.by_currency().items()
    )
