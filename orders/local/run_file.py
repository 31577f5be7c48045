"""Where the other commands find the pipeline that `orders up` runs: one small file.

It is in the project, or in the folder that ORDERS_HOME names.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from stacks.packaging.artefacts import PROJECT


class NotRunning(Exception):
    """No local run is up."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of a local run answer.

    `pid` is the process that serves it, `since` the day (UTC, `YYYY-MM-DD`) on which its data began,
    `pagerduty_url` empty for a run that an earlier version has started.
    """

    pid: int
    api_url: str
    engine_url: str
    payment_url: str
    warehouse_url: str
    since: str
    outputs: dict[str, str]
    pagerduty_url: str = ""


def run_file() -> Path:
    """Return the file's path."""
    return Path(os.environ.get("ORDERS_HOME", PROJECT / ".orders")) / "up.json"


def write_run_file(addresses: Addresses) -> None:
    """Tell the other commands where this run answers."""
    path = run_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(addresses), indent=2), "utf-8")


def remove_run_file() -> None:
    """Forget this run; another one's file stays."""
    try:
        if read_run_file().pid == os.getpid():
            run_file().unlink(missing_ok=True)
    except NotRunning:
        return


def read_run_file() -> Addresses:
    """Find the run that is up; raises NotRunning."""
    try:
        addresses = Addresses(**json.loads(run_file().read_text("utf-8")))
        os.kill(addresses.pid, 0)
    except (OSError, ValueError, TypeError) as error:
        raise NotRunning("no pipeline is up: start one with `orders up`, or name one with --url") from error
    return addresses
