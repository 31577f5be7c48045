"""Walks the real definition state by state, so that a test decides what happens between two steps.

It knows what the definition uses: Choice with StringEquals and Or;
Task with Retry and Catch; Succeed and Fail. Real engines run the same definition in tests/workflow and
tests/engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from lambdas.domain.identifiers import OrderId
from lambdas.domain.workflow import Execution, ExecutionState
from tests.fakes.faults import Faults
from tests.fakes.pipeline import STEPS
from tests.fakes.state_machine import definition

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.commands import Command

T = TypeVar("T")

_DEFINITION: Final = definition()
_TIMEOUT: Final = "Sandbox.Timedout"


class FunctionTimedOut(Exception):
    """The function was killed at its timeout."""


class Steps(Protocol):
    """Runs a step of the workflow by its name in the definition, in lower case."""

    def step(self, name: str, order_id: OrderId, claim: str, **facts: str) -> dict[str, Any]:
        """Return the step's report, or raise what its function raises."""
        ...


class Publishes(Protocol):
    """Takes events."""

    def publish(self, event: dict[str, Any]) -> None:
        """Take an event."""
        ...


@dataclass(slots=True)
class Bus:
    """The event bus. `faults` knows `publish`."""

    events: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    def publish(self, event: dict[str, Any]) -> None:
        """Take an event."""
        with self.faults.around("publish"):
            self.events.append(event)


@dataclass(slots=True)
class Walk:
    """One execution; `end` is set when it is over."""

    pipeline: Steps
    bus: Publishes
    command: Command
    name: str
    end: Execution | None = None
    running: bool = False
    _state: str = field(default=_DEFINITION["StartAt"])
    _data: dict[str, Any] = field(default_factory=dict)
    _attempts: int = 0

    def __post_init__(self) -> None:
        """Take the command in."""
        self._data = dict(self.command)

    @property
    def order_id(self) -> OrderId:
        """The order that it is about."""
        return OrderId(self.command["order_id"])

    @property
    def output(self) -> dict[str, Any]:
        """What the execution has come to so far."""
        return dict(self._data)

    def advance(self) -> None:
        """Go on up to and including one try of the next task."""
        self.running = True
        try:
            while self.end is None and not self._visit():
                pass
        finally:
            self.running = False

    def finish(self) -> Execution:
        """Run to the end."""
        while self.end is None:
            self.advance()
        return self.end

    def _visit(self) -> bool:
        """Visit the present state; tell whether it was a task."""
        state = _DEFINITION["States"][self._state]
        match state["Type"]:
            case "Choice":
                hits = (c["Next"] for c in state["Choices"] if self._holds(c))
                self._state = next(hits, state["Default"])
            case "Succeed":
                self.end = Execution(ExecutionState.SUCCEEDED)
            case "Fail":
                self.end = Execution(ExecutionState.FAILED, state.get("Error") or self._data["failure"])
            case "Task":
                self._try(state)
                return True
        return False

    def _holds(self, choice: dict[str, Any]) -> bool:
        if "Or" in choice:
            return any(self._holds(part) for part in choice["Or"])
        value: Any = self._data
        for name in choice["Variable"].removeprefix("$.").split("."):
            value = value[name]
        return bool(value == choice["StringEquals"])

    def _try(self, state: dict[str, Any]) -> None:
        step = self._state.lower()
        try:
            self._run(step)
        except Exception as error:  # noqa: BLE001 - the engine reports whatever a function raises
            name = _TIMEOUT if isinstance(error, FunctionTimedOut) else type(error).__name__
            (retry,) = state["Retry"]
            known = name in retry["ErrorEquals"] or retry["ErrorEquals"] == ["States.ALL"]
            if known and self._attempts < retry["MaxAttempts"]:
                self._attempts += 1
                return
            self._data["failure"] = f"{step}:{name}"
            self._state = state["Catch"][0]["Next"]
        else:
            self._state = state["Next"]
        self._attempts = 0

    def _call(self, task: Callable[[], T]) -> T:
        """Let a worker do a task, and wait for it; a test may wait for less."""
        return task()

    def _run(self, step: str) -> None:
        if step not in STEPS:
            event = self._data["step"]["report"]["event"]
            self._call(lambda: self.bus.publish(event))
            return
        facts = {"reason": self._data["step"]["report"]["reason"]} if step in {"reject", "release"} else {}
        if step in {"claim", "refund", "restock"}:
            facts = {"refund_id": self._data["refund_id"]}
        report = self._call(lambda: self.pipeline.step(step, self.order_id, self.name, **facts))
        self._data["step"] = {"outcome": report["outcome"], "report": report}
