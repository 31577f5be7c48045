"""One execution environment of a Python function, seen from the engine.

It has the interface of the engine's own `Worker`, so that the engine's pool, its reaper and its
invalidation on a change of the function keep working.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime

from orders.local.engine.shims.lambda_runtime import bootstrap
from orders.local.engine.shims.lambda_runtime.channel import Channel, RuntimeFailureError
from orders.local.engine.shims.lambda_runtime.packages import link_runtime_packages

if TYPE_CHECKING:
    import subprocess

INIT_SECONDS = 10.0  # Lambda docs, "Understanding the Lambda execution environment lifecycle"
_code_lock = threading.Lock()


class InitError(Exception):
    """The function's module could not be loaded; `payload` is what its caller is told."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload.get("errorMessage", ""))
        self.payload = payload


class PythonEnvironment:
    """A process with a function's module loaded, for one invocation at a time.

    Args:
        func_name: The function's name.
        config: The configuration of one of its versions.
        code_zip: The artefact.
    """

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        self.func_name = func_name
        self.config = config
        self.code_zip = code_zip
        self.in_use = False  # these five are the engine's
        self.last_used = time.time()
        self._lock = threading.Lock()
        self._cold = True
        self._proc: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self.freed: threading.Condition | None = None  # see worker_limit

    def invoke(
        self,
        event: object,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
        **_: object,
    ) -> dict[str, Any]:
        """Run the handler once, after a cold start if need be.

        Returns:
            `status` ("ok" or "error"), `result` (as JSON text) or `error` (the payload of AWS's
            error), `cold_start`, and the `log`.
        """
        with self._lock:
            cold = self._proc is None or self._proc.poll() is not None
            seconds = float(self.config.get("Timeout", 3))
            try:
                if cold or self._channel is None:
                    self._spawn()
                answer = self._running().converse(
                    {
                        "event": event,
                        "request_id": request_id,
                        "trace_id": trace_id,
                        "function_arn": invoked_function_arn or self.config.get("FunctionArn", ""),
                        "deadline": time.time() + seconds,
                    },
                    seconds,
                )
            except InitError as failure:
                answer = {"error": failure.payload | {"requestId": request_id}}
                log = self._end()
            except RuntimeFailureError as failure:
                message = f"RequestId: {request_id} Error: {failure}"
                answer = {"error": {"errorType": failure.error_type, "errorMessage": message}}
                log = f"{self._end()}{message}\n"
            else:
                log = self._running().take_log()
        return {"status": "error" if "error" in answer else "ok", "cold_start": cold, "log": log} | (answer)

    def kill(self) -> None:
        """End the environment."""
        lambda_runtime.kill_workers([self])

    def _spawn(self) -> None:
        code_dir = _unpacked(self.code_zip)
        self._channel = Channel(
            [sys.executable, "-I", "-S", bootstrap.__file__],
            code_dir,
            _variables(self.config, code_dir),
        )
        self._proc = self._channel.process
        start = {
            "handler": self.config.get("Handler", "index.handler"),
            "path": [str(code_dir), str(_runtime_packages())],
        }
        seconds = max(INIT_SECONDS, float(self.config.get("Timeout", 3)))
        answer = self._channel.converse(start, seconds)
        if "error" in answer:
            raise InitError(answer["error"])

    def _running(self) -> Channel:
        if self._channel is None:
            raise RuntimeFailureError("Runtime.ExitError", "Runtime exited with error: reset")
        return self._channel

    def _end(self) -> str:
        channel, self._channel, self._proc = self._channel, None, None
        return channel.end() if channel is not None else ""

    def _discard_tmpdir(self) -> None:
        """For the engine: there is nothing to remove, the code's folder is shared."""


def _unpacked(code_zip: bytes) -> Path:
    """The artefact as a folder, shared by all environments of the same code."""
    folder = Path(tempfile.gettempdir()) / "code" / hashlib.sha256(code_zip).hexdigest()[:32]
    with _code_lock:
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(code_zip)) as archive:
                archive.extractall(partial)
            partial.rename(folder)
    return folder


_linking = threading.Lock()


def _runtime_packages() -> Path:
    with _linking:  # the first calls come at once, from the workers that start together
        return _linked_packages()


@cache
def _linked_packages() -> Path:
    return link_runtime_packages(Path(tempfile.gettempdir()) / "runtime")


def _variables(config: dict[str, Any], code_dir: Path) -> dict[str, str]:
    """The environment of the process: what Lambda defines, and the function's own variables.

    Source: Lambda docs, "Working with Lambda environment variables", defined runtime variables.
    """
    _, region = lambda_runtime._account_region_from_function_config(config)
    name = config.get("FunctionName", "")
    log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    reserved: dict[str, str] = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **lambda_runtime.execution_credentials(config),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', 'python')}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": time.strftime("%Y/%m/%d/") + f"[local]{os.urandom(8).hex()}",
        "LAMBDA_RUNTIME_DIR": str(_runtime_packages()),
        "LAMBDA_TASK_ROOT": str(code_dir),
        "_HANDLER": config.get("Handler", ""),
    }
    local = {
        "AWS_CONFIG_FILE": os.devnull,  # never the settings of whoever runs the engine
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        lambda_runtime.HOST_PREFIX_ENV: "true",
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "TZ": ":UTC",
    }
    own = (config.get("Environment") or {}).get("Variables") or {}
    return local | {key: str(value) for key, value in own.items()} | reserved
