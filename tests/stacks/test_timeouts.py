"""Timeouts nest: no caller gives up before what it called.

The sums are made from the template and the ASL that are deployed, not from the settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stacks import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stacks.templates import Assembly

State = dict[str, Any]


@dataclass(frozen=True)
class Workflow:
    """The deployed definition."""

    definition: dict[str, Any]

    @property
    def states(self) -> dict[str, State]:
        states: dict[str, State] = self.definition["States"]
        return states

    @property
    def tasks(self) -> dict[str, State]:
        return {name: state for name, state in self.states.items() if state["Type"] == "Task"}

    def paths(self, start: str, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """Every way through the workflow; a loop would never end, and is refused."""
        assert start not in before, f"the workflow loops at {start}"
        here = (*before, start)
        following = set(successors(self.states[start]))
        if not following:
            yield here
        for name in sorted(following):
            yield from self.paths(name, here)


def successors(state: State) -> Iterator[str]:
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield branch["Next"]


def delays(retrier: dict[str, Any]) -> float:
    """All the waits of a retrier, in seconds; full jitter waits at most the computed delay."""
    interval, rate = retrier.get("IntervalSeconds", 1), retrier.get("BackoffRate", 2.0)
    longest = retrier.get("MaxDelaySeconds", float("inf"))
    attempts = range(retrier.get("MaxAttempts", 3))
    return float(sum(min(interval * rate**n, longest) for n in attempts))


def worst_seconds(state: State) -> float:
    """(1 + every retrier's attempts) x TimeoutSeconds + every retrier's delays."""
    if state["Type"] == "Wait":
        return float(state["Seconds"])
    if state["Type"] != "Task":
        return 0
    retriers = state.get("Retry", [])
    tries = 1 + sum(retrier.get("MaxAttempts", 3) for retrier in retriers)
    return float(tries * state["TimeoutSeconds"] + sum(map(delays, retriers)))


@pytest.fixture(scope="module")
def workflow(prod: Assembly) -> Workflow:
    machine = prod.properties("AWS::StepFunctions::StateMachine", "ProcessMachine")
    return Workflow(json.loads(machine["DefinitionString"]))


def function_of(state: State) -> str | None:
    """The short name of the function that a Task invokes."""
    name = str(state.get("Parameters", {}).get("FunctionName", ""))
    return name.removeprefix("${").removesuffix("}") or None


def test_a_task_waits_longer_than_its_function_runs(prod: Assembly, workflow: Workflow) -> None:
    functions = prod.resources("AWS::Lambda::Function")
    invoked = {name: function_of(task) for name, task in workflow.tasks.items()}
    assert {f for f in invoked.values() if f} == {
        "ValidateFunction",
        "PaymentFunction",
        "FulfilFunction",
    }
    for name, function in invoked.items():
        if function:
            timeout = functions[function]["Properties"]["Timeout"]
            assert timeout < workflow.tasks[name]["TimeoutSeconds"]


def test_every_task_has_a_timeout_a_retry_and_a_catch(workflow: Workflow) -> None:
    for task in workflow.tasks.values():
        assert task["TimeoutSeconds"] > 0
        assert task["Retry"]
        assert [catcher["ErrorEquals"] for catcher in task["Catch"]] == [["States.ALL"]]
        for retrier in task["Retry"]:
            assert retrier["JitterStrategy"] == "FULL"
            assert "MaxDelaySeconds" in retrier


def test_the_longest_way_through_fits_into_the_workflows_timeout(workflow: Workflow) -> None:
    start = workflow.definition["StartAt"]
    sums = {
        path: sum(worst_seconds(workflow.states[name]) for name in path) for path in workflow.paths(start)
    }
    longest = max(sums, key=lambda path: sums[path])
    assert sums[longest] < workflow.definition["TimeoutSeconds"], longest
    assert sum(len(path) > 1 for path in sums) > 1  # it did look at more than one


def test_the_workflow_ends_before_its_caller_and_the_caller_before_its_own_end(
    prod: Assembly, workflow: Workflow
) -> None:
    dispatch = prod.properties("AWS::Lambda::Function", "DispatchFunction")
    ends = workflow.definition["TimeoutSeconds"]
    assert ends == timeouts.WORKFLOW_SECONDS
    assert ends < timeouts.CLIENT_READ_SECONDS
    # the last execution of a batch starts up to PACING_SECONDS after the first
    assert dispatch["Timeout"] > timeouts.PACING_SECONDS + timeouts.CLIENT_READ_SECONDS


def test_messages_stay_hidden_six_times_as_long_as_dispatch_runs(prod: Assembly) -> None:
    dispatch = prod.properties("AWS::Lambda::Function", "DispatchFunction")
    queue = prod.properties("AWS::SQS::Queue", "QueuesOrders")
    assert queue["VisibilityTimeout"] == 1200
    assert queue["VisibilityTimeout"] >= 6 * dispatch["Timeout"]


def test_a_message_outlives_all_its_receives(prod: Assembly) -> None:
    queue = prod.properties("AWS::SQS::Queue", "QueuesOrders")
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    assert receives * queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"]


def test_a_claim_outlives_the_workflow_its_last_function_and_the_skew(
    prod: Assembly, workflow: Workflow
) -> None:
    functions = prod.resources("AWS::Lambda::Function")
    longest = max(
        functions[function]["Properties"]["Timeout"]
        for function in map(function_of, workflow.tasks.values())
        if function
    )
    variables = functions["ValidateFunction"]["Properties"]["Environment"]["Variables"]
    needed = workflow.definition["TimeoutSeconds"] + longest + timeouts.CLOCK_SKEW_SECONDS
    assert int(variables["CLAIM_SECONDS"]) >= needed


def test_a_claim_ends_before_a_message_whose_dispatch_died_comes_back(prod: Assembly) -> None:
    functions = prod.resources("AWS::Lambda::Function")
    variables = functions["ValidateFunction"]["Properties"]["Environment"]["Variables"]
    queue = prod.properties("AWS::SQS::Queue", "QueuesOrders")
    assert int(variables["CLAIM_SECONDS"]) < queue["VisibilityTimeout"]
