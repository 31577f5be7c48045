"""Mends of the engine's gaps: one module per gap, each with one `apply()`.

A shim says what AWS does, what the engine does, and how it is mended. Each is held by a test in
`tests/engine/` that fails when the engine no longer has the gap: then delete the shim. They change
private parts of one exact version of the engine, and no other module may import them.
"""

from __future__ import annotations

from importlib import metadata

from orders.local.engine.errors import EngineVersionError

PINNED = "1.5.33"


def apply_all() -> None:
    """Apply every shim, in the order in which they build upon each other.

    Raises:
        EngineVersionError: The installed engine is not the one that the shims were written for.
    """
    installed = metadata.version("ministack")
    if installed != PINNED:
        raise EngineVersionError(
            f"ministack {installed} is installed, but the shims are for {PINNED}: "
            f"install ministack=={PINNED}, or review orders/local/engine/shims for {installed}"
        )
    from orders.local.engine.shims import (  # noqa: PLC0415 - they import the whole engine
        bounded_history,
        conditional_write,
        express_workflow,
        object_lock,
        partiql_permission,
        partiql_transaction,
        principal_arn,
        python_runtime,
        queue_lock,
        retry_rules,
        secret_reference,
        secure_transport,
        table_lock,
        table_policy,
        worker_limit,
        write_ahead,
    )

    for shim in (
        python_runtime,
        worker_limit,
        express_workflow,
        retry_rules,
        partiql_transaction,
        table_lock,  # after what replaces an operation: it locks what it finds
        queue_lock,
        write_ahead,  # after the locks: what it records is what others see
        partiql_permission,
        table_policy,
        secure_transport,
        secret_reference,
        object_lock,
        principal_arn,
        conditional_write,
        bounded_history,
    ):
        shim.apply()
