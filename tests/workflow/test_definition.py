"""What can be told of the definition without running it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any, Final

import pytest
from statelint.linter import Linter

from lambdas.domain import errors
from lambdas.domain.errors import OrderBusy, TransientError
from lambdas.services.step_result import Outcome
from tests.fakes.pipeline import STEPS
from tests.fakes.state_machine import DEFINITION, definition

MACHINE: Final = definition()
STATES: Final[dict[str, Any]] = MACHINE["States"]
TASKS: Final = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
CHOICES: Final = {name: state for name, state in STATES.items() if state["Type"] == "Choice"}
FAILS: Final = {name: state for name, state in STATES.items() if state["Type"] == "Fail"}
STEP_TASKS: Final = {name: state for name, state in TASKS.items() if name.lower() in STEPS}
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and, for Lambda,
# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
AWS_ERRORS: Final = {
    "States.ALL",
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
}
# The longest way: one of each pair at most. (tests/stacks walks all ways through.)
GOODS: Final = ("Fulfil", "Release")
MONEY: Final = ("Capture", "Reject")
REFUND_PATH: Final = ("Claim", "Refund", "Publish refund", "Restock")
TRANSIENT: Final = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, TransientError) and value is not TransientError
}
# The first steps claim, and the lock of the authorisation can be busy; nothing else ever raises it.
MAY_BE_BUSY: Final = {"Validate", "Claim", "Authorise"}
# What each Choice does with an outcome that it does not name.
DEFAULTS: Final = {
    "Route": "Unknown command",
    "Validated?": "Done",
    "Authorised?": "Done",
    "Fulfilled?": "Done",
    "Released?": "Done",
    "Captured?": "Done",
    "Rejected?": "Done",
    "Claimed?": "Done",
    "Refunded?": "Done",
    "To restock?": "Done",
}


def error_names() -> set[str]:
    """Return every error name that a Retry or a Catch lists."""
    return {
        name
        for state in TASKS.values()
        for rule in (*state["Retry"], *state["Catch"])
        for name in rule["ErrorEquals"]
    }


def texts(node: object) -> list[str]:
    """Return every text of a JSON value."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in texts(value)]
    return [node] if isinstance(node, str) else []


def modules_of(module: str, seen: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """Return our modules that one imports, with those that they import."""
    if module in seen:
        return seen
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        return seen
    seen[module] = ast.parse(Path(spec.origin).read_text())
    for node in ast.walk(seen[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lambdas."):
            modules_of(str(node.module), seen)
    return seen


def raised_by(function: str) -> set[str]:
    """Return the transient errors that the code of a function raises anywhere."""
    return {
        node.exc.func.id
        for tree in modules_of(f"lambdas.{function}.handler", {}).values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id in TRANSIENT
    }


def test_statelint_finds_nothing() -> None:
    assert Linter.validate(DEFINITION.read_text()) == []


def test_it_is_written_in_jsonpath_which_every_engine_runs() -> None:
    assert "QueryLanguage" not in MACHINE
    assert not any("{%" in text for text in texts(MACHINE))


def test_every_error_name_is_awss_or_one_of_ours() -> None:
    assert error_names() <= AWS_ERRORS | TRANSIENT


def test_every_name_of_the_states_namespace_is_known() -> None:
    functions = {
        word.partition("(")[0]
        for text in texts(MACHINE)
        if text.startswith("States.") and "(" in text
        for word in [text]
    }
    assert functions == {"States.Format", "States.JsonToString"}


@pytest.mark.parametrize("task", STEP_TASKS)
def test_whatever_may_pass_is_tried_again(task: str) -> None:
    function, _ = STEPS[task.lower()]
    (retry,) = STEP_TASKS[task]["Retry"]
    listed = set(retry["ErrorEquals"])
    raised = raised_by(function) - {OrderBusy.__name__}
    assert raised, "nothing found: the search is broken"
    assert raised <= listed
    assert (OrderBusy.__name__ in listed) == (task in MAY_BE_BUSY)
    assert AWS_ERRORS - {"States.ALL"} <= listed


@pytest.mark.parametrize("task", STEP_TASKS)
def test_nothing_is_tried_again_that_the_step_cannot_raise(task: str) -> None:
    function, _ = STEPS[task.lower()]
    (retry,) = STEP_TASKS[task]["Retry"]
    assert set(retry["ErrorEquals"]) - AWS_ERRORS <= raised_by(function)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_timeout_jittered_retries_and_a_catch(task: str) -> None:
    state = TASKS[task]
    assert state["TimeoutSeconds"] < MACHINE["TimeoutSeconds"]
    assert "HeartbeatSeconds" not in state
    (retry,) = state["Retry"]
    assert retry["MaxAttempts"] == 2
    assert retry["JitterStrategy"] == "FULL"
    assert retry["IntervalSeconds"] <= retry["MaxDelaySeconds"]
    assert retry["BackoffRate"] > 1
    (catch,) = state["Catch"]
    assert (catch["ErrorEquals"], catch["ResultPath"]) == (["States.ALL"], "$.failure")


@pytest.mark.parametrize("task", TASKS)
def test_every_catch_leads_into_a_failure_that_names_its_step(task: str) -> None:
    failed = STATES[TASKS[task]["Catch"][0]["Next"]]
    assert failed["Type"] == "Fail"
    assert failed["ErrorPath"] == f"States.Format('{task.lower()}:{{}}', $.failure.Error)"
    assert failed["CausePath"] == "States.JsonToString($.failure)"


def test_every_failure_is_reached_from_one_place() -> None:
    reached = [TASKS[task]["Catch"][0]["Next"] for task in TASKS] + [STATES["Route"]["Default"]]
    assert sorted([*reached, "Attention required"]) == sorted(FAILS)


def test_whatever_waits_for_a_person_fails_so_that_somebody_is_paged() -> None:
    leading = {
        name
        for name, state in CHOICES.items()
        for choice in state["Choices"]
        if choice.get("StringEquals") == "attention_required" and choice["Next"] == "Attention required"
    }
    assert leading == {"Authorised?", "Captured?", "Rejected?"}


def test_every_choice_ends_well_by_default_but_for_a_command_that_nobody_knows() -> None:
    assert {name: state["Default"] for name, state in CHOICES.items()} == DEFAULTS
    assert STATES["Unknown command"]["Type"] == "Fail"
    assert STATES["Done"]["Type"] == "Succeed"


def test_every_outcome_that_a_choice_names_is_one_that_a_step_tells() -> None:
    named = {
        part["StringEquals"]
        for state in CHOICES.values()
        for choice in state["Choices"]
        for part in choice.get("And", [choice])
        if part.get("Variable") == "$.step.outcome"
    }
    # A refund that failed has nothing more to do, and nothing to publish.
    assert named == set(Outcome) - {Outcome.REFUND_FAILED}


@pytest.mark.parametrize("task", STEP_TASKS)
def test_steps_get_ids_and_nothing_else(task: str) -> None:
    payload = STEP_TASKS[task]["Parameters"]["Payload"]
    assert payload["order_id.$"] == "$.order_id"
    assert payload["claim.$"] == "$$.Execution.Name"
    assert payload.keys() <= {"order_id.$", "claim.$", "action", "reason.$", "refund_id.$"}


def test_the_comments_budget_is_the_definitions() -> None:
    seconds = {}
    for name, task in TASKS.items():
        (retry,) = task["Retry"]
        delays = [
            min(retry["IntervalSeconds"] * retry["BackoffRate"] ** n, retry["MaxDelaySeconds"])
            for n in range(retry["MaxAttempts"])
        ]
        seconds[name] = int((1 + retry["MaxAttempts"]) * task["TimeoutSeconds"] + sum(delays))
    goods, money = (max(seconds[name] for name in names) for names in (GOODS, MONEY))
    worst = seconds["Validate"] + seconds["Authorise"] + goods + money + seconds["Publish"]
    assert sum(seconds[name] for name in REFUND_PATH) < worst
    assert set(seconds) == {"Validate", "Authorise", "Publish", *GOODS, *MONEY, *REFUND_PATH}
    assert f"at most {worst} s" in MACHINE["Comment"]
    assert worst < MACHINE["TimeoutSeconds"]
