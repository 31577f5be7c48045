"""Timeouts nest: no caller gives up before what it called.

The sums are made from the template and the ASL that are deployed, not from the settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.adapters.http_pool import TOTAL_SECONDS, make_pool
from lambdas.services.reconcile_incidents import RESERVE_SECONDS
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


@pytest.mark.parametrize("name", ["PaymentFunction", "FulfilFunction"])
def test_a_function_runs_longer_than_a_call_of_the_outside_may_take(prod: Assembly, name: str) -> None:
    """One pool for both; its calls are never repeated by themselves."""
    timeout = make_pool().connection_pool_kw["timeout"]
    assert timeout.total == TOTAL_SECONDS
    assert prod.properties("AWS::Lambda::Function", name)["Timeout"] > TOTAL_SECONDS


def test_every_task_has_a_timeout_a_retry_and_a_catch(workflow: Workflow) -> None:
    for task in workflow.tasks.values():
        assert task["TimeoutSeconds"] > 0
        assert task["Retry"]
        assert [catcher["ErrorEquals"] for catcher in task["Catch"]] == [["States.ALL"]]
        for retrier in task["Retry"]:
            assert retrier["JitterStrategy"] == "FULL"
            assert "MaxDelaySeconds" in retrier


def sums(workflow: Workflow) -> dict[tuple[str, ...], float]:
    """Every way through by its Tasks, with the most seconds that it can take."""
    found: dict[tuple[str, ...], float] = {}
    for path in workflow.paths(workflow.definition["StartAt"]):
        tasks = tuple(name for name in path if name in workflow.tasks)
        found[tasks] = sum(worst_seconds(workflow.states[name]) for name in path)
    return found


def test_a_task_is_tried_three_times_at_most_and_takes_what_the_comment_says(workflow: Workflow) -> None:
    worst = {name: worst_seconds(task) for name, task in workflow.tasks.items()}
    assert worst == {
        "Validate": 21,
        "Claim": 21,
        "Authorise": 42,
        "Fulfil": 36,
        "Release": 36,
        "Restock": 36,
        "Capture": 42,
        "Reject": 42,
        "Refund": 42,
        "Publish": 18,
        "Publish refund": 18,
    }
    for task in workflow.tasks.values():
        assert sum(retrier["MaxAttempts"] for retrier in task["Retry"]) == 2


@pytest.mark.parametrize(
    ("way", "seconds"),
    [
        (("Validate", "Authorise", "Fulfil", "Capture", "Publish"), 159),  # sold
        (("Validate", "Authorise", "Fulfil", "Reject", "Publish"), 159),  # out of stock
        (("Validate", "Authorise", "Release", "Reject", "Publish"), 159),  # the payment is gone
        (("Validate", "Release", "Reject", "Publish"), 117),  # cancelled
        (("Validate", "Release", "Capture", "Publish"), 117),  # cancelled too late
        (("Claim", "Refund", "Publish refund", "Restock"), 117),  # refunded, and back on the shelf
        (("Claim", "Publish refund", "Restock"), 75),  # the same, found finished
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_each_way_through_takes_at_most_the_sum_of_its_tasks(
    workflow: Workflow, way: tuple[str, ...], seconds: int
) -> None:
    assert sums(workflow)[way] == seconds


def test_the_longest_way_through_fits_into_the_workflows_timeout(workflow: Workflow) -> None:
    found = sums(workflow)
    longest = max(found, key=lambda way: found[way])
    assert found[longest] < workflow.definition["TimeoutSeconds"], longest
    assert f"at most {found[longest]:.0f} s" in workflow.definition["Comment"]
    assert set(workflow.tasks) == {name for way in found for name in way}  # it did look at all of them


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


def test_dead_letters_stay_hidden_six_times_as_long_as_replay_runs(prod: Assembly) -> None:
    replay = prod.properties("AWS::Lambda::Function", "ReplayFunction")
    letters = prod.properties("AWS::SQS::Queue", "QueuesDeadLetters")
    assert letters["VisibilityTimeout"] >= 6 * replay["Timeout"]
    assert "RedrivePolicy" not in letters


def test_a_pagerduty_that_hangs_ends_no_function(prod: Assembly) -> None:
    """Each calls it once after that, and the letters are recorded before."""
    functions = prod.resources("AWS::Lambda::Function")
    replay, alert = (functions[f"{name}Function"]["Properties"] for name in ("Replay", "Alert"))
    schedule = prod.properties("AWS::Scheduler::Schedule", "AlertSchedule")
    assert TOTAL_SECONDS < RESERVE_SECONDS < alert["Timeout"]
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert alert["Timeout"] < 60
    assert replay["Timeout"] > 2 * TOTAL_SECONDS


def test_pages_are_told_a_little_more_often_than_the_schedule_runs(prod: Assembly) -> None:
    """A gap of its whole minute would skip every other run."""
    alert = prod.properties("AWS::Lambda::Function", "AlertFunction")
    assert 50 <= int(alert["Environment"]["Variables"]["PAGING_GAP_SECONDS"]) < 60


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
