"""Which pipeline a command talks to, and as whom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orders.api_client import OrdersClient
from orders.local.run_file import read_run_file

if TYPE_CHECKING:
    import argparse

DEFAULT_CLIENT = "demo"


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add --url, --token and --client."""
    parser.add_argument(
        "--url", default=os.environ.get("ORDERS_URL"), help="the API's address (default: the local run)"
    )
    parser.add_argument(
        "--token", default=os.environ.get("ORDERS_TOKEN"), help="a bearer token (default: $ORDERS_TOKEN)"
    )
    parser.add_argument(
        "--client",
        default=os.environ.get("ORDERS_CLIENT", DEFAULT_CLIENT),
        help="the client's name on a local run, which has no tokens (default: %(default)s)",
    )


def connect(arguments: argparse.Namespace, scopes: str = "") -> OrdersClient:
    """Return a client for the pipeline that was named or is up; raises NotRunning.

    A token brings its scopes with it; on a local run the command says which ones it needs.
    """
    url = arguments.url or read_run_file().api_url
    if arguments.token:
        return OrdersClient(url.rstrip("/"), {"Authorization": f"Bearer {arguments.token}"})
    return OrdersClient(url.rstrip("/"), {"X-Orders-Client": arguments.client, "X-Orders-Scopes": scopes})
