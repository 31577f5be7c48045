"""What all tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

TESTS = Path(__file__).parent
# The end-to-end tests wait more than they work: half of their files have a pipeline of their own.
SECOND_HALF: Final = "test_m"
# A test that records a property of this name has its value printed when all is done.
SUMMARY: Final = "summary"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a folder's tests on one worker: they share an engine, an assembly or moto's memory.

    First of all hooks: xdist's own reads the groups.
    """
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        half = " 2" if folder == "e2e" and item.path.name >= SECOND_HALF else ""
        item.add_marker(pytest.mark.xdist_group(folder + half))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Print what the tests sum up, as the last lines of all."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # a worker: its reports go to the one that prints
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, []):
            for name, value in report.user_properties:
                if name == SUMMARY:
                    reporter.write_line(str(value))
