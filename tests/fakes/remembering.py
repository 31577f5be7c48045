"""What dispatch leaves of failures, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.services.remember_failure import RememberFailure
from tests.fakes.failures import InMemoryFailureContexts

if TYPE_CHECKING:
    from lambdas.domain.commands import Command
    from lambdas.domain.timestamps import Clock

TRACE = "1-67891233-abcdef012345678912345678"
CODE = "0123456789ab"


@dataclass(slots=True)
class Remembered:
    """What was kept, and what was told of a store that kept nothing."""

    contexts: InMemoryFailureContexts = field(default_factory=InMemoryFailureContexts)
    told: list[tuple[Command, Exception]] = field(default_factory=list)

    def service(self, clock: Clock) -> RememberFailure:
        """Keep failures here."""
        return RememberFailure(
            self.contexts,
            self.contexts,
            clock,
            CODE,
            lambda: TRACE,
            lambda command, error: self.told.append((command, error)),
        )
