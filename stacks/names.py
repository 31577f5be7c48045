"""What an environment's parts are called, for those who have to find them without the CDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.timeouts import FunctionName


def stack_prefix(environment: str) -> str:
    """What every name of an environment starts with, as in `orders-prod`."""
    return f"orders-{environment}"


def function_name(environment: str, function: FunctionName) -> str:
    """The function's whole name, as in `orders-prod-payment`."""
    return f"{stack_prefix(environment)}-{function}"


def function_log_group(environment: str, function: FunctionName) -> str:
    """Where the function logs."""
    return f"/aws/lambda/{function_name(environment, function)}"
