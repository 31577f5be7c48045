"""How many environments run at once.

AWS: scales a function's environments up to the account's concurrency, on its own machines.

Engine: starts a process for each concurrent invocation, on this machine, without a bound: a burst
of messages becomes a stampede of cold starts in which everything times out.

Mend: at most `ORDERS_ENGINE_WORKERS` environments per function (two per core, at least four, when not set);
further callers wait their turn; only as many cold starts at once as there are cores. The limit is
per function, so that a function that waits for others cannot starve them.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from orders.local.engine.shims.lambda_runtime.environment import PythonEnvironment

_LOOK_AGAIN_SECONDS = 1.0  # an environment that was invalidated is never released

_cores = os.cpu_count() or 1
_limit = int(os.environ.get("ORDERS_ENGINE_WORKERS") or max(4, 2 * _cores))
_cold_starts = threading.BoundedSemaphore(_cores)
_conditions: dict[str, threading.Condition] = {}
_conditions_lock = threading.Lock()

_original_acquire = lambda_runtime.acquire_worker
_original_release = lambda_runtime.release_worker
_original_spawn = PythonEnvironment._spawn


def apply() -> None:
    """Bound the pool."""
    for module in (lambda_runtime, lambda_svc):
        module.acquire_worker = _acquire
        module.release_worker = _release
    PythonEnvironment._spawn = _spawn  # type: ignore[method-assign]


def _acquire(
    name: str,
    config: dict[str, Any],
    code_zip: bytes,
    qualifier: str = "$LATEST",
    max_concurrency: int | None = None,
) -> tuple[Any, str]:
    limit = min(_limit, max_concurrency or _limit)
    condition = _condition(lambda_runtime._worker_key(name, config, qualifier))
    with condition:
        while True:
            worker, reason = _original_acquire(
                name, config, code_zip, qualifier=qualifier, max_concurrency=limit
            )
            if worker is not None:
                worker.freed = condition
                return worker, reason
            condition.wait(_LOOK_AGAIN_SECONDS)


def _release(worker: object) -> None:
    _original_release(worker)
    condition = getattr(worker, "freed", None)
    if isinstance(condition, threading.Condition):
        with condition:
            condition.notify()


def _condition(key: str) -> threading.Condition:
    with _conditions_lock:
        return _conditions.setdefault(key, threading.Condition())


def _spawn(self: PythonEnvironment) -> None:
    with _cold_starts:
        _original_spawn(self)
