"""Orders live as the model says, whatever happens in whichever order.

`ORDERS_EXAMPLES` says how many lives are tried; beyond the gate's number they differ from run to run.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

from tests.model.machine import OrdersLives

GATE: Final = 250
EXAMPLES: Final = int(os.environ.get("ORDERS_EXAMPLES", str(GATE)))

TestOrdersLives = OrdersLives.TestCase
TestOrdersLives.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    derandomize=EXAMPLES == GATE,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
