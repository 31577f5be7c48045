from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from lambdas.services.pacing import Pacer


@dataclass
class Watch:
    """A clock that sleeping moves; notes when each start came."""

    present: float = 100.0
    starts: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        assert seconds > 0
        self.present += seconds

    def start(self, pacer: Pacer) -> None:
        """Wait for a turn."""
        pacer.wait()
        self.starts.append(self.present)


@pytest.fixture
def watch() -> Watch:
    """A watch."""
    return Watch()


@pytest.fixture
def pacer(watch: Watch) -> Pacer:
    """Four starts a second."""
    return Pacer(4.0, now=lambda: watch.present, sleep=watch.sleep)


def test_starts_are_evenly_spaced(watch: Watch, pacer: Pacer) -> None:
    for _ in range(5):
        watch.start(pacer)
    assert watch.starts == [100.0, 100.25, 100.5, 100.75, 101.0]


def test_idle_time_is_not_saved_up_for_a_burst(watch: Watch, pacer: Pacer) -> None:
    watch.start(pacer)
    watch.present = 200.0
    for _ in range(3):
        watch.start(pacer)
    assert watch.starts[1:] == [200.0, 200.25, 200.5]


def test_the_pace_is_kept_over_the_batches_of_a_warm_instance(watch: Watch, pacer: Pacer) -> None:
    watch.start(pacer)
    watch.present += 0.1
    watch.start(pacer)
    assert watch.starts == [100.0, 100.25]
