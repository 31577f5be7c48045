"""Measures operators' commands over thousands of dead letters of three causes, on a local run of its own.

`python -m tests.bench [N]`: so many letters (10,000). Exit code 1 when something is not as it must be.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from orders.local.aws import engine_client
from orders.local.run import LocalRun, Ports
from orders.local.run_file import write_run_file
from orders.local.standins.remote import RemoteControl
from tests.bench.dead_letters import CAUSES, PRICE, kill_orders, send_letters
from tests.e2e.conftest import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.local.run_file import Addresses

T = TypeVar("T")

LETTERS: Final = 10_000
PLAN_SECONDS: Final = 30.0
RATE: Final = 50
APPLY_SECONDS: Final = 90.0
PROGRAM: Final = str(Path(sys.executable).with_name("orders"))
_END_TIME: Final = re.compile(r"replayed +[\d,]+ of [\d,]+, about \d+ s left, until \d\d:\d\d:\d\d UTC")
_DRAIN_PATIENCE: Final = 1800.0


class NotAsPromised(Exception):
    """A figure is not what it must be."""


def main(count: int) -> None:
    """Measure, and print a line for each figure."""
    with (
        tempfile.TemporaryDirectory() as home,
        LocalRun(Ports(*free_ports(4)), None, lambda *_: None, announce=False) as run,
    ):
        os.environ["ORDERS_HOME"] = home
        write_run_file(run.addresses)
        os.chdir(home)
        measure(run.addresses, count)


def measure(addresses: Addresses, count: int) -> None:
    """Kill orders, let their letters be drained, plan and begin to apply."""
    dead, seconds = timed(lambda: kill_orders(addresses, count))
    tell(f"{count:,} failed orders made", seconds)
    _, seconds = timed(lambda: send_letters(addresses, dead))
    tell("their letters put on the queue", seconds)
    seconds = drain(addresses, count)
    tell("archived, recorded, paged", seconds, f"{count / seconds:.0f} a second")
    groups = three_groups(count)
    three_incidents(addresses, groups)
    plan, seconds = timed(lambda: orders("plan"))
    if len(plan["entries"]) != count:
        raise NotAsPromised(f"the plan has {len(plan['entries']):,} entries")
    summary = ", ".join(f"{part['failures']:,} {part['verdict']}" for part in plan["summary"])
    tell("orders dlq plan", seconds, summary)
    if count == LETTERS and seconds > PLAN_SECONDS:
        raise NotAsPromised(f"the plan took more than {PLAN_SECONDS:.0f} s")
    apply_for_a_while(plan["plan"])


def drain(addresses: Addresses, count: int) -> float:
    """Wait until all letters are failures; return the seconds from the first one to the last."""
    failures = DynamoFailures(
        engine_client("dynamodb", addresses.engine_url), addresses.outputs["FailuresTableName"]
    )
    began = None
    deadline = time.monotonic() + _DRAIN_PATIENCE
    while (found := sum(group.open for group in failures.groups())) < count:
        if time.monotonic() > deadline:
            raise NotAsPromised(f"{found:,} of {count:,} letters are drained")
        began = began or (time.monotonic() if found else None)
        time.sleep(0.5)
    return time.monotonic() - (began or 0)


def three_groups(count: int) -> list[dict[str, Any]]:
    """Hold the groups against what was killed."""
    listed, seconds = timed(lambda: orders("groups"))
    tell("orders dlq groups", seconds, ", ".join(f"{group['open']:,} {group['title']}" for group in listed))
    expected = {c.fingerprint: len(range(number, count, len(CAUSES))) for number, c in enumerate(CAUSES)}
    if {group["fingerprint"]: group["open"] for group in listed} != expected:
        raise NotAsPromised("these are not the groups")
    stake = sum(Decimal(group["at_stake"]["GBP"]) for group in listed)
    if stake * 100 != count * PRICE:
        raise NotAsPromised(f"{stake:,.2f} GBP are not what is at stake")
    return list(listed)


def three_incidents(addresses: Addresses, groups: list[dict[str, Any]]) -> None:
    """Each group has paged, and nothing else has."""
    found = RemoteControl(addresses.pagerduty_url).call("GET", "incidents")["incidents"]
    keys = {f"orders/local/{group['fingerprint']}" for group in groups}
    if len(found) != len(groups) or {incident["dedup_key"] for incident in found} != keys:
        raise NotAsPromised(f"there are {len(found)} incidents")
    most = max(incident["alerts"] for incident in found)
    tell("incidents at PagerDuty's stand-in", None, f"{len(found)}, each told {most} times at most")


def apply_for_a_while(plan: str) -> None:
    """Apply until it tells its end time, then interrupt it."""
    arguments = [PROGRAM, "dlq", "apply", plan, "--reason", "fixed", "--rate", f"{RATE}/s", "--yes"]
    began = time.monotonic()
    seen = ""
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            seen = line.strip()
            if _END_TIME.search(seen) or time.monotonic() - began > APPLY_SECONDS:
                break
        tell("orders dlq apply", time.monotonic() - began, seen)
        process.send_signal(signal.SIGINT)
        data, messages = process.communicate()
    tell("interrupted", time.monotonic() - began)
    sys.stdout.write(f"{data}\n{messages}")
    if not _END_TIME.search(seen) and process.returncode != 0:
        raise NotAsPromised("apply told no end time")


def orders(*arguments: str) -> Any:
    """Run a command of `orders dlq` for its JSON, as a program of its own."""
    command = [PROGRAM, "dlq", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in {0, 3}:
        raise NotAsPromised(f"{' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what some work returns, and how many seconds it took."""
    began = time.monotonic()
    return work(), time.monotonic() - began


def tell(what: str, seconds: float | None, detail: str = "") -> None:
    """Print a figure."""
    took = f"{seconds:8.1f} s" if seconds is not None else ""
    sys.stdout.write(f"{what:<40} {took:>10}   {detail}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else LETTERS)
    except NotAsPromised as error:
        sys.exit(f"NOT AS PROMISED: {error}")
