"""Which pipeline a command talks to, and as whom: clients by the API, operators by the AWS account."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orders.api_client import OrdersClient
from orders.deployment import LOCAL, find_deployment
from orders.local.run_file import read_run_file
from stacks.settings import ENVIRONMENTS

if TYPE_CHECKING:
    import argparse

    from orders.deployment import Deployment

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


class WrongUsage(Exception):
    """The options contradict each other."""


def add_deployment_options(parser: argparse.ArgumentParser) -> None:
    """Add --env, --profile and --region.

    No environment variable chooses the environment: what an operator's command works on stands in it.
    """
    parser.add_argument(
        "--env",
        choices=ENVIRONMENTS,
        default=LOCAL,
        help="the environment (default: the local run that is up)",
    )
    parser.add_argument("--profile", help="of the AWS configuration, for a deployed environment")
    parser.add_argument("--region", help="of a deployed environment (default: the profile's)")


def open_deployment(arguments: argparse.Namespace) -> Deployment:
    """Find the pipeline that the options name; raises WrongUsage or DeploymentError."""
    if arguments.env == LOCAL and (arguments.profile or arguments.region):
        others = ", ".join(name for name in ENVIRONMENTS if name != LOCAL)
        raise WrongUsage(f"--profile and --region want --env (one of {others})")
    return find_deployment(arguments.env, arguments.profile, arguments.region)
