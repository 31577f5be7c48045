"""The stand-ins as one child process of the local run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from orders.local.standins.remote import RemoteControl

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 15.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.02
PROBE_SECONDS = 0.5  # a foreign program on the port may accept and never answer


class StandinsStartError(Exception):
    """The stand-ins do not run; the message is one line that says why."""


class StandinsProcess:
    """Starts and stops `python -m orders.local.standins`.

    Args:
        data_dir: storage that survives a restart; None keeps everything in memory.
        log_file: gets stderr; nothing is written there unless something is wrong.
    """

    def __init__(
        self,
        payment_port: int,
        warehouse_port: int,
        pagerduty_port: int,
        data_dir: Path | None,
        log_file: Path,
    ) -> None:
        self.payment_url = f"http://127.0.0.1:{payment_port}"
        self.warehouse_url = f"http://127.0.0.1:{warehouse_port}"
        self.pagerduty_url = f"http://127.0.0.1:{pagerduty_port}"
        self._log_file = log_file
        self._command = [
            sys.executable, "-m", "orders.local.standins",
            "--payment-port", str(payment_port),
            "--warehouse-port", str(warehouse_port),
            "--pagerduty-port", str(pagerduty_port),
        ]  # fmt: skip
        if data_dir is not None:
            self._command += ["--data", str(data_dir)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start, and return when all answer; their output is appended to the log.

        Raises:
            StandinsStartError: a port is in use, or they did not answer within 15 s.
        """
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        began = self._log_file.stat().st_size if self._log_file.exists() else 0
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*self._command, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                self._process = None
                raise StandinsStartError(self._last_line(began))
            if time.monotonic() > deadline:
                self.stop()
                raise StandinsStartError(f"the stand-ins did not answer in {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop by SIGTERM, after 5 s by SIGKILL; nothing when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        # Another program may hold a port and answer: the child says so itself by ending.
        if self._process is None or self._process.poll() is not None:
            return False
        try:
            for url in (self.payment_url, self.warehouse_url, self.pagerduty_url):
                RemoteControl(url, PROBE_SECONDS).call("GET", "health")
        except (OSError, ValueError):
            return False
        return self._process.poll() is None

    def _last_line(self, began: int) -> str:
        with self._log_file.open("rb") as log:
            log.seek(began)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "the stand-ins ended at once"
