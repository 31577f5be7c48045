"""The process in which a function runs: what `awslambdaric` is on AWS. Standard library only.

Started as a script with `python -I -S`, so that only the standard library is importable. The
engine writes one JSON line to stdin to start it and one for each event; each is answered by one
JSON line on the original stdout. What the function prints goes to stderr, and is flushed before
the answer, so that whoever has the answer can read the whole log.

Errors have the names and shapes that AWS's runtime interface client gives them
(https://github.com/aws/aws-lambda-python-runtime-interface-client, `bootstrap.py`).
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import threading
import time
import traceback
from decimal import Decimal
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_TRACE = "_X_AMZN_TRACE_ID"


class LambdaContext:
    """The handler's second argument (Lambda docs, "Using the Lambda context object")."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id: str = invocation["request_id"]
        self.invoked_function_arn: str = invocation["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self.tenant_id = None
        self._deadline: float = invocation["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops the function."""
        return max(0, int((self._deadline - time.time()) * 1000))


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the function's output, also that of its native code, is log
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    threading.Thread(target=_die_with_engine, name="lifeline", daemon=True).start()
    start = json.loads(sys.stdin.readline())
    sys.path[:0] = start["path"]
    handler, failure = _load(start["handler"])
    _answer(answers, failure or {"ready": True})
    if handler is None:
        return
    for line in sys.stdin:
        _answer(answers, _invoke(handler, json.loads(line)))


def _die_with_engine() -> None:
    """Exit when the engine is gone, even in the middle of an invocation."""
    hang_up = select.poll()
    hang_up.register(0, 0)  # no events asked for: only a hang-up is reported
    hang_up.poll()
    os._exit(1)


def _load(name: str) -> tuple[Callable[[Any, LambdaContext], Any] | None, dict[str, Any] | None]:
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return None, _init_error(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        )
    except SyntaxError as error:
        return None, _init_error(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        )
    except Exception as error:  # noqa: BLE001 - whatever the function's module raises is reported
        return None, _failure(error, "")
    handler = getattr(module, function_name, None)
    if handler is None:
        return None, _init_error(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        )
    return handler, None


def _init_error(error_type: str, message: str) -> dict[str, Any]:
    sys.stderr.write(f"[ERROR] {error_type}: {message}\n")
    return {"error": _error(error_type, message, "", [])}


def _invoke(handler: Callable[[Any, LambdaContext], Any], invocation: dict[str, Any]) -> dict[str, Any]:
    os.environ.pop(_TRACE, None)
    if invocation.get("trace_id"):
        os.environ[_TRACE] = invocation["trace_id"]
    request_id = invocation["request_id"]
    try:
        result = handler(invocation["event"], LambdaContext(invocation))
    except Exception as error:  # noqa: BLE001 - a function's own exception is its answer
        return _failure(error, request_id)
    try:
        return {"result": json.dumps(result, default=_plain)}
    except Exception as error:  # noqa: BLE001 - whatever serialising raises is the answer
        message = f"Unable to marshal response: {error}"
        sys.stderr.write(f"[ERROR] Runtime.MarshalError: {message}\n")
        return {"error": _error("Runtime.MarshalError", message, request_id, [])}


def _plain(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _failure(error: Exception, request_id: str) -> dict[str, Any]:
    name = type(error).__name__
    stack = traceback.format_list(traceback.extract_tb(_own_frames(error.__traceback__)))
    sys.stderr.write(f"[ERROR] {name}: {error}\nTraceback (most recent call last):\n")
    sys.stderr.write("".join(stack))
    return {"error": _error(name, str(error), request_id, stack)}


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    """The frames of the function, without those of this file and of the import system."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((__file__, "<frozen")):
        trace = trace.tb_next
    if trace is not None and trace.tb_frame.f_code.co_filename == importlib.__file__:
        return _own_frames(trace.tb_next)
    return trace


def _error(error_type: str, message: str, request_id: str, stack: list[str]) -> dict[str, Any]:
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack,
    }


def _answer(answers: TextIO, message: dict[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
