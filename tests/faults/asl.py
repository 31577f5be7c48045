"""Runs the definition of the workflow as it is deployed, state by state, in the thread that started it.

It knows what the definition uses: Choice with StringEquals and Or; Task with Parameters, ResultSelector,
ResultPath, Retry and Catch; Succeed; Fail with its paths. Real engines run it in tests/workflow, tests/engine
and tests/engines; here each of its calls has to be one that a test can let fail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.fakes.state_machine import definition
from tests.workflow.interpreter import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

_FILLED_IN: Final = {f"${{{name}}}": value for name, value in NAMES.items()}
_DEFINITION: Final = definition()


class TaskFailed(Exception):
    """A task failed with an error of this name, as the state machine sees it."""

    def __init__(self, error: str, cause: str = "") -> None:
        """Keep both."""
        super().__init__(error)
        self.error = error
        self.cause = cause


class Integrations(Protocol):
    """What a task may call; all raise TaskFailed."""

    def invoke(self, function: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function, and return its answer."""

    def put_events(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Send events."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended."""

    status: str
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""


@dataclass(slots=True)
class Execution:
    """One execution; `wait` lets seconds pass before a retry."""

    name: str
    integrations: Integrations
    wait: Callable[[float], None]
    data: dict[str, Any] = field(default_factory=dict)

    def run(self, command: dict[str, Any]) -> Ended:
        """Run to the end."""
        self.data = dict(command)
        state = _DEFINITION["StartAt"]
        while True:
            here = _DEFINITION["States"][state]
            match here["Type"]:
                case "Choice":
                    hits = (choice["Next"] for choice in here["Choices"] if self._holds(choice))
                    state = next(hits, here["Default"])
                case "Task":
                    state = self._task(here)
                case "Succeed":
                    return Ended("SUCCEEDED", self.data)
                case "Fail":
                    return self._fail(here)

    def _holds(self, choice: dict[str, Any]) -> bool:
        if "Or" in choice:
            return any(self._holds(part) for part in choice["Or"])
        return bool(self._at(choice["Variable"]) == choice["StringEquals"])

    def _task(self, state: dict[str, Any]) -> str:
        (retry,) = state["Retry"]
        delay = retry["IntervalSeconds"]
        for attempt in range(retry["MaxAttempts"] + 1):
            try:
                result = self._call(state)
            except TaskFailed as failure:
                known = failure.error in retry["ErrorEquals"] or retry["ErrorEquals"] == ["States.ALL"]
                if known and attempt < retry["MaxAttempts"]:
                    self.wait(min(delay, retry["MaxDelaySeconds"]))
                    delay *= retry["BackoffRate"]
                    continue
                (catch,) = state["Catch"]
                self._store(catch["ResultPath"], {"Error": failure.error, "Cause": failure.cause})
                return str(catch["Next"])
            if "ResultSelector" in state:
                result = _filled(state["ResultSelector"], result, self.name)
            self._store(state["ResultPath"], result)
            return str(state["Next"])
        raise AssertionError("the last attempt returns")

    def _call(self, state: dict[str, Any]) -> dict[str, Any]:
        parameters = _filled(state["Parameters"], self.data, self.name)
        match state["Resource"]:
            case "arn:aws:states:::lambda:invoke":
                return {
                    "Payload": self.integrations.invoke(parameters["FunctionName"], parameters["Payload"])
                }
            case "arn:aws:states:::events:putEvents":
                return self.integrations.put_events(parameters["Entries"])
            case unknown:
                raise KeyError(unknown)

    def _fail(self, state: dict[str, Any]) -> Ended:
        error = state.get("Error") or self._intrinsic(state["ErrorPath"])
        cause = state.get("Cause") or self._intrinsic(state["CausePath"])
        return Ended("FAILED", error=error, cause=cause)

    def _intrinsic(self, text: str) -> str:
        name, _, arguments = text.removesuffix(")").partition("(")
        match name, [part.strip() for part in arguments.split(",")]:
            case "States.Format", [template, path]:
                return template.strip("'").format(self._at(path))
            case "States.JsonToString", [path]:
                return json.dumps(self._at(path))
        raise KeyError(text)

    def _at(self, path: str) -> Any:
        return _look_up(path, self.data, self.name)

    def _store(self, path: str, value: object) -> None:
        name = path.removeprefix("$.")
        assert "." not in name, "the definition stores at the top only"
        self.data = {**self.data, name: value}


def _filled(template: Any, data: dict[str, Any], name: str) -> Any:
    """Fill in a template's paths, and the names that CloudFormation fills in."""
    match template:
        case dict():
            return {
                key.removesuffix(".$"): _look_up(value, data, name)
                if key.endswith(".$")
                else _filled(value, data, name)
                for key, value in template.items()
            }
        case list():
            return [_filled(part, data, name) for part in template]
        case str():
            return _FILLED_IN.get(template, template)
    return template


def _look_up(path: str, data: dict[str, Any], name: str) -> Any:
    if path == "$$.Execution.Name":
        return name
    value: Any = data
    for part in path.removeprefix("$").split("."):
        if part:
            value = value[part]
    return value
