"""The workflow port: running one execution of the state machine and hearing how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


# How long to wait for an execution: longer than the workflow's own 180 s, shorter than dispatch's 200 s.
READ_SECONDS: Final = 190


class ExecutionState(StrEnum):
    """How an execution ended, or that nobody knows."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    NOT_STARTED = "NOT_STARTED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Execution:
    """The end of an execution. `error` is `step:ErrorClass`; `cause` may be empty or 32 KB long."""

    state: ExecutionState
    error: str = ""
    cause: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    arn: str = ""

    @property
    def step(self) -> str:
        """The step that failed; `workflow` when no step is to blame."""
        return self.error.partition(":")[0] if ":" in self.error else "workflow"

    @property
    def error_class(self) -> str:
        """The class of the failure."""
        return self.error.rpartition(":")[2] or self.state


class Workflow(Protocol):
    """Runs executions."""

    def run(self, name: str, command: Mapping[str, object]) -> Execution:
        """Run one execution to its end; never raises for a failed one."""
        ...
