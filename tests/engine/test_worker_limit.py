"""How many environments run at once (shim `worker_limit`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.cloud import Cloud

pytestmark = pytest.mark.engine

CALLERS = 8
SLOW = """
    import os, time
    def handle(event, context):
        time.sleep(0.3)
        return os.getpid()
"""


def environments(cloud: Cloud) -> set[int]:
    function = cloud.function(SLOW)
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: cloud.invoke(function), range(CALLERS)))
    assert not any(failed for _, failed in answers)
    return {pid for pid, _ in answers}


def test_callers_wait_for_one_of_four_environments(mended: Cloud) -> None:
    assert len(environments(mended)) == 4


def test_the_installed_engine_starts_one_for_each_caller(unmended: Cloud) -> None:
    assert len(environments(unmended)) == CALLERS
