"""The conversation with a function's process: one JSON line each way, and the log beside it.

No thread and no wait: the process flushes its log before it answers, so that once the answer is
there the log can be read to its end without waiting for more.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CHUNK = 65536
_EXIT_SECONDS = 1.0
_KILLED = -9


class RuntimeFailureError(Exception):
    """The process ended or hung; it cannot be used again.

    Args:
        error_type: AWS's name for it (`Sandbox.Timedout`, `Runtime.ExitError`).
        message: What AWS's error message says after the request's id.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Channel:
    """A function's process.

    Args:
        command: The command line.
        folder: Its working directory.
        variables: Its whole environment.
    """

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        requests, requests_end = os.pipe()
        answers_end, answers = os.pipe()
        log_end, log = os.pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                command, cwd=folder, stdin=requests, stdout=answers, stderr=log, env=variables
            )
        finally:
            for descriptor in (requests, answers, log):
                os.close(descriptor)
        self._requests = requests_end
        self._answers = answers_end
        self._log = log_end
        self._logged = bytearray()
        os.set_blocking(self._answers, False)
        os.set_blocking(self._log, False)

    def converse(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send one message and wait for its answer.

        Raises:
            RuntimeFailureError: The process ended, or took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        answer = bytearray()
        self._send(json.dumps(message).encode() + b"\n")
        log_open = True
        pipes = select.poll()
        pipes.register(self._answers, select.POLLIN)
        pipes.register(self._log, select.POLLIN)
        while not answer.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise RuntimeFailureError("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds")
            pipes.poll(left * 1000)
            if log_open and not _drain(self._log, self._logged):
                log_open = False  # the function closed its stderr
                pipes.unregister(self._log)
            if not _drain(self._answers, answer) and not answer.endswith(b"\n"):
                self._raise_exit()
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    def take_log(self) -> str:
        """What was logged since the last call."""
        with contextlib.suppress(OSError):
            _drain(self._log, self._logged)
        text = self._logged.decode("utf-8", "replace")
        self._logged.clear()
        return text

    def end(self) -> str:
        """Kill the process if it lives, and return what it had logged."""
        self.process.kill()
        self.process.wait()
        return self.take_log()

    def __del__(self) -> None:
        for descriptor in (self._requests, self._answers, self._log):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _send(self, line: bytes) -> None:
        left = memoryview(line)
        try:
            while left:
                left = left[os.write(self._requests, left) :]
        except OSError:
            self._raise_exit()

    def _raise_exit(self) -> NoReturn:
        try:
            status = self.process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its end of the pipe, but lives
            status = _KILLED
        reason = f"signal: {-status}" if status < 0 else f"exit status {status}"
        raise RuntimeFailureError("Runtime.ExitError", f"Runtime exited with error: {reason}")


def _drain(descriptor: int, into: bytearray) -> bool:
    """Read what is there; `False` at the end of the stream."""
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        into += chunk
