"""A fault at every call to the outside leaves the world as it would be without."""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING, Final

from tests.faults.call_sites import call_sites
from tests.faults.matrix import SEED, all_cases, play_clean, run, sample
from tests.faults.scenarios import SCENARIOS

if TYPE_CHECKING:
    import pytest

    from tests.faults.site import Site

# Calls that no function of the pipeline makes, each with its reason.
NOT_OF_THE_PIPELINE: Final = {
    ("adapters/dynamodb/ledger.py", "entries_of_day"): "only people's commands read the ledger by its days",
    ("adapters/dynamodb/refunds.py", "save_refund"): "another's write leads there: test_refunds.py",
}


def test_no_fault_at_any_call_changes_what_is_left(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    clean = [play_clean(site, scenario) for scenario in SCENARIOS]
    if os.environ.get("ORDERS_CHAOS"):
        cases = [case for one in clean for case in all_cases(one)]
    else:
        cases = sample(clean, random.Random(SEED))  # noqa: S311 - the same cases in every run
    report = run(site, cases, tell)
    tell(f"\n{report}")
    assert not report.found, "\n".join(report.found)
    untried = [
        str(line)
        for line in call_sites()
        if (line.file, line.function) not in NOT_OF_THE_PIPELINE
        and not any(line.holds(place) for place in site.wire.places)
    ]
    assert not untried, "\n".join(["no scenario comes to", *untried])
