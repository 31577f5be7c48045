"""The engine as a child process: started, waited for, and stopped without a trace.

The engine listens on 127.0.0.1 only. Its temporary folder is one of our own, so that nothing of
it or of its Lambda workers stays behind after `stop`.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from orders.local.engine.data_folder import objects_folder, prepare_data_folder, state_folder
from orders.local.engine.errors import EngineDiedError, PortInUseError, SnapshotError
from orders.local.ports import HOST, is_free

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "us-east-1"
ACCOUNT = "000000000000"

SNAPSHOT_PATH = "/_orders/snapshot"
"""A POST makes the engine write a snapshot; `serve` answers it."""

_HEALTH = "/_ministack/health"
_POLL_SECONDS = 0.02
_LOG_TAIL_LINES = 8
_HTTP_OK = 200
_SNAPSHOT_SECONDS = 120.0


@dataclass(frozen=True)
class Credentials:
    """An access key for boto3 (`aws_access_key_id=...`, `aws_secret_access_key=...`)."""

    access_key_id: str
    secret_access_key: str


ADMINISTRATOR = Credentials("test", "test")
"""The engine's built-in root caller: it may do everything, also with policies evaluated."""


class EngineProcess:
    """One engine on one port.

    Args:
        port: The TCP port on 127.0.0.1.
        data_dir: The folder that keeps the state between runs, or `None` to forget it all.
        log_file: Where the engine's log goes; written anew at each start.
        auth: Evaluate IAM and resource policies for every call, as AWS does.
        workers_per_function: How many environments of a function may run at once; more callers
            wait. Two per core, and at least four, when not given.
        environment: Variables for the engine's process, over those that are set here.
        start_seconds: How long the engine may take until it answers.
        stop_seconds: How long it may take to write its snapshot before it is killed.
    """

    def __init__(
        self,
        port: int,
        data_dir: Path | None,
        log_file: Path,
        *,
        auth: bool = True,
        workers_per_function: int | None = None,
        environment: Mapping[str, str] | None = None,
        start_seconds: float = 30.0,
        stop_seconds: float = 15.0,
    ) -> None:
        self._port = port
        self._data_dir = data_dir
        self._log_file = log_file
        self._auth = auth
        self._workers = workers_per_function
        self._extra_environment = dict(environment or {})
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._temp_dir: Path | None = None

    @property
    def url(self) -> str:
        """The endpoint of every service: `http://127.0.0.1:<port>`."""
        return f"http://{HOST}:{self._port}"

    @property
    def credentials(self) -> Credentials:
        """An administrator's credentials, valid for this engine only."""
        return ADMINISTRATOR

    @property
    def pid(self) -> int | None:
        """The process id while the engine runs (it also leads a process group of that id)."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the engine and wait until it answers.

        Raises:
            PortInUseError: Another program listens on the port.
            DataFolderError: The data folder cannot be used.
            EngineDiedError: The process ended, or did not answer in time.
        """
        if self._process is not None:
            return
        if not is_free(self._port):
            raise PortInUseError(
                f"port {self._port} is in use by another program; choose another port or stop it"
            )
        if self._data_dir is not None:
            prepare_data_folder(self._data_dir, f"{HOST}:{self._port}")
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        self._temp_dir = Path(tempfile.mkdtemp(prefix="orders-engine-"))
        try:
            with self._log_file.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "orders.local.engine"],
                    stdin=subprocess.PIPE,  # the lifeline: see lifeline.py
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment(self._temp_dir),
                    start_new_session=True,
                )
            self._wait_until_healthy(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the engine: a clean snapshot first, then its whole process group. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(self._stop_seconds)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if self._temp_dir is not None:
            shutil.rmtree(self._temp_dir, ignore_errors=True)
            self._temp_dir = None

    def snapshot(self) -> None:
        """Keep all that the engine has now, whatever becomes of it; nothing without a data folder.

        A kill loses no change of an item or a message, but all else since the last snapshot: call it
        after a deployment.

        Raises:
            SnapshotError: It cannot be written.
        """
        if self._data_dir is None:
            return
        connection = http.client.HTTPConnection(HOST, self._port, timeout=_SNAPSHOT_SECONDS)
        try:
            connection.request("POST", SNAPSHOT_PATH)
            answer = connection.getresponse()
            if answer.status != _HTTP_OK:
                raise SnapshotError(answer.read().decode())
        except OSError as error:
            raise EngineDiedError(f"the engine died: {self._log_tail()}") from error
        finally:
            connection.close()

    def _environment(self, temp_dir: Path) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MINISTACK"))}
        package_root = str(Path(__file__).resolve().parents[3])
        environment = inherited | {
            "AUTH": "true" if self._auth else "false",
            "AWS_ACCESS_KEY_ID": ADMINISTRATOR.access_key_id,
            "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self._port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "PERSIST_STATE": "0",
            "S3_PERSIST": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")])),
            "SFTP_ENABLED": "0",
            "TMPDIR": str(temp_dir),
        }
        if self._data_dir is not None:
            environment |= {
                "ORDERS_ENGINE_DATA": str(self._data_dir),
                "PERSIST_STATE": "1",
                "STATE_DIR": str(state_folder(self._data_dir)),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(objects_folder(self._data_dir)),
            }
        if self._workers is not None:
            environment["ORDERS_ENGINE_WORKERS"] = str(self._workers)
        return environment | self._extra_environment

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._start_seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EngineDiedError(f"the engine died at start: {self._log_tail()}")
            if _answers(self._port):
                return
            time.sleep(_POLL_SECONDS)
        raise EngineDiedError(
            f"the engine did not answer within {self._start_seconds:.0f} s: {self._log_tail()}"
        )

    def _log_tail(self) -> str:
        with self._log_file.open(encoding="utf-8", errors="replace") as log:
            lines = deque((line.strip() for line in log if line.strip()), _LOG_TAIL_LINES)
        return " | ".join(lines) or f"its log {self._log_file} is empty"


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", _HEALTH)
        return connection.getresponse().status == _HTTP_OK
    except OSError:
        return False
    finally:
        connection.close()
