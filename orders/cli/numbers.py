"""Numbers on the command line."""

from __future__ import annotations

import argparse
import re
from typing import Final

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")


def positive(text: str) -> int:
    """Read a whole number of at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def not_negative(text: str) -> int:
    """Read a whole number of at least zero."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return value


def a_rate(text: str) -> float:
    """Read how many a second, as in `5`, `5/s` or `0.5/s`."""
    found = _RATE.fullmatch(text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no rate such as 5 or 0.5/s")
    return float(found[1])
