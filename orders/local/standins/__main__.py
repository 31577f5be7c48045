"""Runs all stand-ins in one process until SIGTERM, SIGINT or the end of the parent.

`python -m orders.local.standins --payment-port 12111 --warehouse-port 12112 --pagerduty-port 12113`, and
`--data DIR` to keep what happens across restarts.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from pathlib import Path

from orders.local.standins.pagerduty import PagerDutyStandIn
from orders.local.standins.parent import die_with_parent
from orders.local.standins.stripe import PaymentStandIn
from orders.local.standins.warehouse import WarehouseStandIn


def main() -> int:
    """Serve; 0 after a signal, 1 with one line on stderr when a port is in use."""
    arguments = _arguments()
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    die_with_parent(arguments.parent)
    folder: Path | None = arguments.data
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        port = arguments.payment_port
        try:
            stack.enter_context(PaymentStandIn(folder, port))
            port = arguments.warehouse_port
            stack.enter_context(WarehouseStandIn(folder, port))
            port = arguments.pagerduty_port
            stack.enter_context(PagerDutyStandIn(folder, port))
        except OSError as error:
            sys.stderr.write(f"cannot listen on 127.0.0.1:{port}: {error.strerror}\n")
            return 1
        stopped.wait()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m orders.local.standins")
    parser.add_argument("--payment-port", type=int, required=True)
    parser.add_argument("--warehouse-port", type=int, required=True)
    parser.add_argument("--pagerduty-port", type=int, required=True)
    parser.add_argument("--data", type=Path, help="folder; without it all is kept in memory")
    parser.add_argument("--parent", type=int, help="end when this is no longer the parent process")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
