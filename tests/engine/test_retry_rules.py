"""Retry's delays, and what a wildcard catches (shim `retry_rules`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.engine.cloud import Cloud

pytestmark = pytest.mark.engine

FAILS = """
    import time
    times = []
    def handle(event, context):
        if event.get("ask"):
            return [b - a for a, b in zip(times, times[1:])]
        times.append(time.monotonic())
        raise RuntimeError("no")
"""


def delays(cloud: Cloud, attempts: int, **rule: Any) -> list[float]:
    """The pauses between the tries of a function that always fails."""
    function = cloud.function(FAILS)
    retry = {"ErrorEquals": ["States.ALL"], "MaxAttempts": attempts, **rule}
    states = {"A": {"Type": "Task", "Resource": function, "Retry": [retry], "End": True}}
    cloud.run(cloud.machine(states))
    pauses: list[float] = cloud.invoke(function, {"ask": True})[0]
    return pauses


def test_a_delay_has_a_maximum(mended: Cloud) -> None:
    pauses = delays(mended, 2, IntervalSeconds=1, BackoffRate=4, MaxDelaySeconds=1)
    assert [round(pause) for pause in pauses] == [1, 1]


def test_full_jitter_spreads_the_delays(mended: Cloud) -> None:
    pauses = delays(mended, 4, IntervalSeconds=1, BackoffRate=1, JitterStrategy="FULL")
    assert len(pauses) == 4
    assert min(pauses) < 0.9
    assert len({round(pause, 2) for pause in pauses}) > 1


def seconds_to_fail(cloud: Cloud, **rule: Any) -> float:
    function = cloud.function("def handle(event, context):\n    raise RuntimeError('no')\n")
    cloud.invoke(function)
    retry = {"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, **rule}
    states = {"A": {"Type": "Task", "Resource": function, "Retry": [retry], "End": True}}
    machine = cloud.machine(states)
    started = time.perf_counter()
    cloud.run(machine)
    return time.perf_counter() - started


def test_the_installed_engine_knows_no_maximum(unmended: Cloud) -> None:
    assert seconds_to_fail(unmended, IntervalSeconds=1, BackoffRate=2, MaxDelaySeconds=1) > 2.9


def test_the_installed_engine_knows_no_jitter(unmended: Cloud) -> None:
    rule = {"IntervalSeconds": 1, "MaxAttempts": 1, "JitterStrategy": "FULL"}
    assert seconds_to_fail(unmended, **rule) >= 1  # with jitter it would be less


def status_after_runtime_error(cloud: Cloud) -> str:
    states = {
        "A": {
            "Type": "Task",
            "Resource": "arn:aws:states:::no:suchIntegration",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}],
            "End": True,
        },
        "B": {"Type": "Succeed"},
    }
    return str(cloud.run(cloud.machine(states))["status"])


def test_a_wildcard_does_not_catch_a_runtime_error(mended: Cloud) -> None:
    assert status_after_runtime_error(mended) == "FAILED"


def test_the_installed_engine_catches_it(unmended: Cloud) -> None:
    assert status_after_runtime_error(unmended) == "SUCCEEDED"
