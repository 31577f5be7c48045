"""Time that passes only when the tests let it, in every module that looks at a clock."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from types import ModuleType

    import pytest


@dataclass(slots=True)
class StoppedTime:
    """Stands in for the module `time`: sleeping moves the clock."""

    clock: FakeClock = field(default_factory=FakeClock)

    def time(self) -> float:
        """Epoch seconds."""
        return self.clock().timestamp()

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self.clock().timestamp()

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.clock.advance(seconds)

    def replace_in(self, patch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        """Let these modules, which use `time` by its name, use this one."""
        for module in modules:
            patch.setattr(module, "time", self)

    def datetime_module(self) -> SimpleNamespace:
        """Return what stands in for the module `datetime`."""
        clock = self.clock

        class StoppedDatetime(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Any:
                return clock().astimezone(tz)

        return SimpleNamespace(datetime=StoppedDatetime, timedelta=datetime.timedelta)
