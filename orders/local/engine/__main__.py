"""`python -m orders.local.engine`: the engine's own process. Started by `EngineProcess` only."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from orders.local.engine.data_folder import lock_data_folder
from orders.local.engine.errors import EngineError
from orders.local.engine.lifeline import stop_with_parent


def main() -> int:
    """Apply the shims and serve until SIGTERM.

    Returns:
        The exit status: 0 after a clean stop, 2 when the engine refused to start (one line on
        stderr says why).
    """
    temp_dir = Path(os.environ["TMPDIR"])  # ours alone, see EngineProcess
    stop_with_parent(temp_dir)
    try:
        _serve(os.environ.get("ORDERS_ENGINE_DATA"))
    except (EngineError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        shutil.rmtree(temp_dir, ignore_errors=True)
    return 0


def _serve(data_dir: str | None) -> None:
    with contextlib.ExitStack() as held:
        if data_dir:
            held.enter_context(lock_data_folder(data_dir))
        if os.environ.get("ORDERS_ENGINE_SHIMS") != "off":  # only this package's tests set it
            from orders.local.engine import shims  # noqa: PLC0415 - imports the whole engine

            shims.apply_all()
        from orders.local.engine.serve import serve  # noqa: PLC0415 - after the shims

        serve(os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"]))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # never wait for the threads of functions that still run
