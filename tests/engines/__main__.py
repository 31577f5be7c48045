"""`make test-engines`: runs everything that needs Docker, Java, npm or hledger, and tells which engines ran.

Installs what is missing (as root, on Debian), starts what does not run, and stops it again.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from orders.local.engine.process import EngineProcess
from stacks.packaging.artefacts import PROJECT
from tests.e2e.conftest import free_ports
from tests.engines.dynamodb.local import ENDPOINT, PACKAGE, DynamoDBLocalError, running
from tests.engines.machine.docker_daemon import docker_daemon
from tests.engines.machine.hledger import ensure_hledger
from tests.engines.machine.java import ensure_java
from tests.engines.machine.packages import NotAvailableError
from tests.engines.results import Results, Row, read, table

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILD: Final = PROJECT / ".build" / "engines"
WIDTH: Final = 200
SCENARIOS: Final = ("tests/engines/test_scenarios.py", "tests/engines/test_image_choice.py")
JOURNALS: Final = ("tests/engines/journals",)
TABLES: Final = ("tests/engines/dynamodb", "tests/adapters")


@dataclass(slots=True)
class Run:
    """One call of `make test-engines`."""

    console: Console
    folder: Path
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failed: bool = False

    def scenarios(self) -> None:
        """Run the workflow scenarios on every engine that can run here."""
        moto = Row("moto, in process", f"moto {_version('moto')}", "-", "workflow scenarios")
        embedded = Row(
            "embedded, whole template", f"ministack {_version('ministack')}", "-", "workflow scenarios"
        )
        container = Row("Step Functions in a container", "", "", "workflow scenarios")
        with ExitStack() as stack:
            try:
                docker = stack.enter_context(docker_daemon(BUILD))
            except NotAvailableError as error:
                container.not_run = str(error)
                found = self._pytest("scenarios", SCENARIOS, "-k", "not container")
            else:
                found = self._pytest("scenarios", SCENARIOS)
                container.version = f"{found.properties.get('container.version', '?')}, Docker {docker}"
                container.image = found.properties.get("container.image", "?")
                if reason := found.properties.get("container.reason"):
                    self.remarks.append(f"[bold]The container ran moto, not AWS's own engine:[/] {reason}")
                found.tell(container, "container")
        found.tell(moto, "moto")
        found.tell(embedded, "embedded")
        self.rows += [moto, container, embedded]

    def tables(self) -> None:
        """Run what the pipeline relies on of DynamoDB: on AWS's own, and on the embedded engine."""
        local = Row("DynamoDB Local", "", "-", "tables: adapters, bookings, contention")
        try:
            java = ensure_java()
            with running(BUILD) as dynamodb:
                local.version = f"{dynamodb.version} ({PACKAGE}), Java {java}"
                self._pytest("dynamodb-local", TABLES, url=dynamodb.url).tell(local, "")
        except (NotAvailableError, DynamoDBLocalError) as error:
            local.not_run = str(error)
        embedded = Row("embedded", f"ministack {_version('ministack')}", "-", local.what)
        (port,) = free_ports(1)
        with EngineProcess(port, None, self.folder / "engine.log", auth=False) as engine:
            self._pytest("dynamodb-embedded", TABLES, url=engine.url).tell(embedded, "")
        self.rows += [local, embedded]

    def journals(self) -> None:
        """Let hledger judge the journals that are written for it."""
        row = Row("hledger", "", "-", "exported journals")
        try:
            row.version = f"{ensure_hledger()} (Debian's package)"
            self._pytest("journals", JOURNALS).tell(row, "")
        except NotAvailableError as error:
            row.not_run = str(error)
        self.rows.append(row)

    def _pytest(self, name: str, paths: Sequence[str], *options: str, url: str | None = None) -> Results:
        self.console.print(f"\n-- {name}", style="bold")
        report = self.folder / f"{name}.xml"
        environment = {k: v for k, v in os.environ.items() if k != ENDPOINT} | (
            {ENDPOINT: url} if url else {}
        )
        command = [sys.executable, "-m", "pytest", *paths, f"--junit-xml={report}", *options]
        done = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
        self.failed |= done.returncode != 0
        return read(report)


def _version(distribution: str) -> str:
    return importlib.metadata.version(distribution)


def main() -> int:
    """Run all and tell; 1 when a test failed, or with `--require-all` when an engine could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description=__doc__)
    parser.add_argument("--require-all", action="store_true", help="fail when an engine cannot run here")
    require_all = parser.parse_args().require_all
    # Stopped, too, it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="engines-") as folder:
        run = Run(console, Path(folder))
        run.scenarios()
        run.tables()
        run.journals()
    console.print("\nEngines under test", style="bold")
    console.print(table(run.rows))
    for remark in run.remarks:
        console.print(remark, soft_wrap=True)
    console.print(f"in {time.monotonic() - began:.0f} s")
    missing = [row for row in run.rows if row.not_run]
    for row in missing:
        console.print(f"\n[bold red]NOT RUN: {row.engine}.[/] {row.not_run}", soft_wrap=True)
    bad = [row for row in run.rows if not row.good and (require_all or not row.not_run)]
    return 1 if bad or run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
