"""An operation of the engine that holds a lock while it runs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


def holding(operation: Callable[..., object], lock: AbstractContextManager[object]) -> Callable[..., object]:
    """`operation`, one call at a time of all that hold `lock`."""

    @functools.wraps(operation)
    def held(*args: object, **kwargs: object) -> object:
        with lock:
            return operation(*args, **kwargs)

    return held
