"""Runs a command in this process: what it says and its exit code, without a second start of Python."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from orders.cli.main import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run_here(*arguments: str) -> Done:
    """Run `orders` with these arguments."""
    out, messages = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(messages):
        try:
            code = main(arguments)
        except SystemExit as usage:
            code = int(str(usage.code))
    return Done(code, out.getvalue(), messages.getvalue())
