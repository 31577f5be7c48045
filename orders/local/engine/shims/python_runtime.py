"""How a Python function runs, fails and is reported.

AWS: the function sees its artefact, the standard library and the SDK of the runtime; an exception
is reported with its class as `errorType`, and the environment lives on; a timeout is
`Sandbox.Timedout`, an exit `Runtime.ExitError`, a result that is not JSON `Runtime.MarshalError`
(Lambda docs, "Lambda function handler errors in Python"; "Handling errors in Step Functions":
Lambda's unhandled errors are reported by their `errorType`).

Engine: every exception is `Runtime.HandlerError` and kills the warm worker, so that `Retry` and
`Catch` by class never match; functions import whatever the engine's interpreter has; a handler
that logs nothing costs 50 ms.

Mend: environments of our own (`orders.local.engine.shims.lambda_runtime`) for Python functions without
layers.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from orders.local.engine.shims.lambda_runtime.environment import PythonEnvironment

_original_class_for = lambda_runtime._worker_class_for
_original_execute = lambda_svc._execute_function_warm


def apply() -> None:
    """Run Python functions in our own environments."""
    lambda_runtime._worker_class_for = _class_for
    lambda_svc._execute_function_warm = _execute


def _is_ours(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python") and not config.get("Layers")


def _class_for(config: dict[str, Any]) -> type:
    chosen: type = PythonEnvironment if _is_ours(config) else _original_class_for(config)
    return chosen


def _execute(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
    config = func.get("config") or func
    code_zip = func.get("code_zip")
    if not code_zip or not _is_ours(config):
        return _original_execute(func, event, request_id)  # type: ignore[no-any-return]
    lambda_svc._ensure_reaper_thread()
    worker, _ = lambda_svc.acquire_worker(
        config["FunctionName"], config, code_zip, qualifier=config.get("Version", "$LATEST")
    )
    try:
        outcome = worker.invoke(
            event,
            request_id,
            trace_id=lambda_svc._xray_trace_id_for_invocation(config),
            invoked_function_arn=config.get("FunctionArn", ""),
        )
    finally:
        lambda_svc.release_worker(worker)
    if outcome["status"] == "ok":
        return {"body": json.loads(outcome["result"]), "log": outcome["log"]}
    return {"body": outcome["error"], "error": True, "log": outcome["log"]}
