"""How functions run, fail and are reported (shim `python_runtime`)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.cloud import Cloud

pytestmark = pytest.mark.engine

RAISES = """
    import os
    calls = 0
    class PaymentDeclined(Exception): pass
    def handle(event, context):
        global calls
        calls += 1
        if event.get("raise"):
            raise PaymentDeclined("card declined")
        return {"calls": calls, "pid": os.getpid()}
"""


def caught_by_class(cloud: Cloud) -> str:
    function = cloud.function(RAISES)
    machine = cloud.machine(
        {
            "A": {
                "Type": "Task",
                "Resource": function,
                "Catch": [
                    {"ErrorEquals": ["PaymentDeclined"], "Next": "ByClass"},
                    {"ErrorEquals": ["States.ALL"], "Next": "ByWildcard"},
                ],
                "End": True,
            },
            "ByClass": {"Type": "Pass", "Result": "class", "End": True},
            "ByWildcard": {"Type": "Pass", "Result": "wildcard", "End": True},
        }
    )
    return str(json.loads(cloud.run(machine, {"raise": True})["output"]))


def test_a_catch_by_class_matches(mended: Cloud) -> None:
    assert caught_by_class(mended) == "class"


def test_the_installed_engine_reports_no_class(unmended: Cloud) -> None:
    assert caught_by_class(unmended) == "wildcard"


def test_an_exception_is_reported_as_lambda_does(mended: Cloud) -> None:
    payload, failed = mended.invoke(mended.function(RAISES), {"raise": True})
    assert failed
    assert payload["errorType"] == "PaymentDeclined"
    assert payload["errorMessage"] == "card declined"
    assert payload["requestId"]
    [frame] = payload["stackTrace"]
    assert "in handle" in frame


def survivor(cloud: Cloud) -> int:
    function = cloud.function(RAISES)
    cloud.invoke(function, {})
    cloud.invoke(function, {"raise": True})
    return int(cloud.invoke(function, {})[0]["calls"])


def test_the_environment_survives_an_exception(mended: Cloud) -> None:
    assert survivor(mended) == 3


def test_the_installed_engine_starts_anew_after_an_exception(unmended: Cloud) -> None:
    assert survivor(unmended) == 1


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("import os; os._exit(3)", "Runtime.ExitError", "exit status 3"),
        ("import sys; sys.exit(4)", "Runtime.ExitError", "exit status 4"),
        ("import time; time.sleep(5)", "Sandbox.Timedout", "timed out after 1.00 seconds"),
        ("return {1, 2}", "Runtime.MarshalError", "Unable to marshal response"),
    ],
)
def test_other_ends_have_the_names_of_lambda(mended: Cloud, body: str, error_type: str, message: str) -> None:
    function = mended.function(f"def handle(event, context):\n    {body}\n", Timeout=1)
    payload, failed = mended.invoke(function)
    assert failed
    assert payload["errorType"] == error_type
    assert message in payload["errorMessage"]


def test_the_installed_engine_names_an_exit_differently(unmended: Cloud) -> None:
    function = unmended.function("def handle(event, context):\n    import os; os._exit(3)\n")
    assert unmended.invoke(function)[0]["errorType"] == "Runtime.HandlerError"


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("import no_such_package", "Runtime.ImportModuleError"),
        ("def other(event, context): pass", "Runtime.HandlerNotFound"),
        ("def handle(", "Runtime.UserCodeSyntaxError"),
        ("raise ValueError('at import')", "ValueError"),
    ],
)
def test_a_module_that_cannot_be_loaded(mended: Cloud, code: str, error_type: str) -> None:
    payload, failed = mended.invoke(mended.function(code))
    assert failed
    assert payload["errorType"] == error_type


IMPORTS = """
    import importlib
    def handle(event, context):
        try:
            importlib.import_module(event)
        except ImportError:
            return False
        return True
"""


def importable(cloud: Cloud, *names: str) -> set[str]:
    function = cloud.function(IMPORTS)
    return {name for name in names if cloud.invoke(function, name)[0]}


def test_a_function_sees_what_the_lambda_runtime_ships(mended: Cloud) -> None:
    shipped = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
    ours = {"ministack", "orders", "pip", "pytest"}
    assert importable(mended, *shipped, *ours) == shipped


def test_in_the_installed_engine_a_function_sees_everything(unmended: Cloud) -> None:
    assert importable(unmended, "ministack", "pytest") == {"ministack", "pytest"}


CONTEXT = """
    import os
    def handle(event, context):
        return {
            "arn": context.invoked_function_arn,
            "home": os.environ.get("HOME"),
            "left": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb,
            "mine": os.environ["MINE"],
            "name": context.function_name,
            "root": os.environ["LAMBDA_TASK_ROOT"],
            "version": context.function_version,
            "where": os.getcwd(),
        }
"""


def test_the_context_and_the_variables_are_those_of_lambda(mended: Cloud) -> None:
    function = mended.function(CONTEXT, Timeout=7, MemorySize=256, Environment={"Variables": {"MINE": "yes"}})
    version = mended.functions.publish_version(FunctionName=function)
    context, _ = mended.invoke(version["FunctionArn"])
    assert context["arn"] == f"{function}:1"
    assert context["version"] == "1"
    assert context["name"] == version["FunctionName"]
    assert context["memory"] == "256"
    assert 6000 < context["left"] <= 7000
    assert context["mine"] == "yes"
    assert context["root"] == context["where"]
    assert context["home"] is None


def test_what_a_function_prints_is_in_its_log_group(mended: Cloud) -> None:
    function = mended.function("def handle(event, context):\n    print('line', event)\n")
    mended.invoke(function, 1)
    mended.invoke(function, 2)
    group = "/aws/lambda/" + function.rsplit(":", 1)[1]
    messages = [e["message"] for e in mended.logs.filter_log_events(logGroupName=group)["events"]]
    assert "line 1" in messages
    assert "line 2" in messages


def seconds_of_ten_silent_calls(cloud: Cloud) -> float:
    function = cloud.function("def handle(event, context):\n    return event\n")
    cloud.invoke(function)
    started = time.perf_counter()
    for _ in range(10):
        cloud.invoke(function)
    return time.perf_counter() - started


def test_a_silent_function_answers_at_once(mended: Cloud) -> None:
    assert seconds_of_ten_silent_calls(mended) < 0.4


def test_in_the_installed_engine_silence_costs_time(unmended: Cloud) -> None:
    assert seconds_of_ten_silent_calls(unmended) > 0.5
