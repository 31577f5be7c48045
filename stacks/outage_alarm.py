"""How long the alarm on an outage outside remembers a sign of it, so that one outage pages once.

An alarm acts when it goes off, not while it stays so. It has to stay so between two signs of one outage: the
longest silence is that of a lone order, which fails at each of its receives before it is parked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.services.dispatch_batch import LONGEST_PARK_PROBES
from stacks.timeouts import MAX_RECEIVES, WORKFLOW_SECONDS

if TYPE_CHECKING:
    from stacks.settings import Settings

PERIOD_SECONDS: Final = 300


def longest_silence(settings: Settings) -> float:
    """Seconds between two times that a lone order is parked: its executions, redeliveries, and its park."""
    parked = LONGEST_PARK_PROBES * settings.probe_seconds
    return MAX_RECEIVES * WORKFLOW_SECONDS + sum(settings.redelivery_delays) + parked


def remembered_periods(settings: Settings) -> int:
    """In how many periods, the present one included, one sign keeps the alarm where it is."""
    return int(-(-longest_silence(settings) // PERIOD_SECONDS)) + 1
