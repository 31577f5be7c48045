"""One line for each attempt of a step: what it says of success, of our failures, and of anybody else's."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from aws_lambda_powertools import Logger

from lambdas.domain.errors import LedgerConflict, PipelineError, ProviderUnavailable, StockContention
from lambdas.domain.timestamps import from_text, utc_now
from lambdas.step_log import logged_step
from tests.fakes.faults import nothing_happened
from tests.fakes.payments import DECLINED_CARD
from tests.fakes.pipeline import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult
    from tests.fakes.pipeline import Pipeline

    Handler = Callable[[dict[str, Any], LambdaContext], StepResult]

CLAIM = "execution-1"
# The operation of a fake at which each step meets the world.
MEETS = {
    "validate": ("orders", "claim"),
    "authorise": ("payments", "create"),
    "fulfil": ("inventory", "reserve"),
    "capture": ("payments", "capture"),
}


@dataclass
class Context:
    """As much of the Lambda context as the handlers read."""

    remaining: float = 10.0
    aws_request_id: str = "request-1"
    function_name: str = "orders-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:orders-test"

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the function's time."""
        return round(self.remaining * 1000)


class Lines:
    """A logger, and what it has written."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        """Log into memory."""
        self._text = io.StringIO()
        # Loggers are kept by their service's name for good: each test has one of its own.
        self.logger = Logger(service=request.node.nodeid, stream=self._text)

    @property
    def all(self) -> list[dict[str, Any]]:
        """Every line."""
        return [json.loads(line) for line in self._text.getvalue().splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        """The one line that there is."""
        (line,) = self.all
        return line


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Lines:
    """A log of the test's own."""
    return Lines(request)


def call(handler: Handler, event: dict[str, Any], context: Context | None = None) -> StepResult:
    """Invoke as Lambda does."""
    return handler(event, cast("LambdaContext", context or Context()))


def attempt(pipeline: Pipeline, lines: Lines, step: str, order_id: str, **more: str) -> StepResult:
    """Run a step of the pipeline behind the log, as its handler does."""
    function, action = STEPS[step]
    handler = logged_step(function, lines.logger)(lambda event, _context: pipeline.invoke(function, event))
    event = {"order_id": order_id, "claim": CLAIM, **({"action": action} if action else {}), **more}
    return call(handler, event)


@pytest.mark.parametrize(
    ("step", "outcome"),
    [("validate", "claimed"), ("authorise", "authorized"), ("fulfil", "shipped"), ("capture", "completed")],
)
def test_a_success_says_what_came_out_of_which_step_and_when(
    pipeline: Pipeline, lines: Lines, step: str, outcome: str
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to(step, order_id, CLAIM)
    before = utc_now()
    assert attempt(pipeline, lines, step, order_id)["outcome"] == outcome
    line = lines.only
    assert (line["message"], line["level"]) == ("step succeeded", "INFO")
    assert (line["order_id"], line["claim"], line["step"]) == (order_id, CLAIM, step)
    assert (line["outcome"], line["function_request_id"]) == (outcome, "request-1")
    assert before - timedelta(milliseconds=1) <= from_text(line["began_at"]) <= utc_now()
    assert line["duration_ms"] >= 0
    assert {"reason", "error", "error_class", "refund_id"}.isdisjoint(line)


@pytest.mark.parametrize("step", MEETS)
def test_a_failure_of_ours_says_its_class_and_message_and_is_raised(
    pipeline: Pipeline, lines: Lines, step: str
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to(step, order_id, CLAIM)
    fake, operation = MEETS[step]
    getattr(pipeline, fake).faults.plan(operation, nothing_happened(StockContention("moved by others")))
    with pytest.raises(StockContention):
        attempt(pipeline, lines, step, order_id)
    line = lines.only
    assert (line["message"], line["step"], line["order_id"]) == ("step failed", step, order_id)
    assert (line["error_class"], line["error"]) == ("StockContention", "moved by others")
    assert "outcome" not in line
    assert line["duration_ms"] >= 0


@pytest.mark.parametrize("step", MEETS)
def test_the_message_of_anybody_elses_failure_is_not_logged(
    pipeline: Pipeline, lines: Lines, step: str
) -> None:
    order_id = pipeline.accept()
    pipeline.bring_to(step, order_id, CLAIM)
    fake, operation = MEETS[step]
    secret = "4242 4242 4242 4242 of Jane Doe"
    getattr(pipeline, fake).faults.plan(operation, nothing_happened(ValueError(secret)))
    with pytest.raises(ValueError, match="4242"):
        attempt(pipeline, lines, step, order_id)
    line = lines.only
    assert (line["error_class"], line["level"], line["step"]) == ("ValueError", "ERROR", step)
    assert "error" not in line
    assert "4242" not in json.dumps(line)
    assert "Jane" not in json.dumps(line)


def test_a_failure_that_is_tried_again_is_a_warning_and_another_an_error(lines: Lines) -> None:
    def failing(error: PipelineError) -> Handler:
        def step(_event: dict[str, Any], _context: LambdaContext) -> StepResult:
            raise error

        return logged_step("payment", lines.logger)(step)

    for error in (ProviderUnavailable("429"), LedgerConflict("booked otherwise")):
        with pytest.raises(type(error)):
            call(failing(error), {"order_id": "ord_1", "claim": CLAIM})
    assert [line["level"] for line in lines.all] == ["WARNING", "ERROR"]


def test_the_reason_of_an_end_is_in_the_line(pipeline: Pipeline, lines: Lines) -> None:
    declined = pipeline.accept("declined", DECLINED_CARD)
    pipeline.bring_to("authorise", declined, CLAIM)
    attempt(pipeline, lines, "authorise", declined)
    short = pipeline.accept("short", MUG=6)
    pipeline.bring_to("fulfil", short, CLAIM)
    attempt(pipeline, lines, "fulfil", short)
    first, second = lines.all
    assert (first["outcome"], first["reason"]) == ("rejected", "payment_declined:generic_decline")
    assert (second["outcome"], second["reason"]) == ("unfulfillable", "out_of_stock")


def test_nothing_of_one_attempt_is_in_the_line_of_the_next(lines: Lines) -> None:
    handler = logged_step("payment", lines.logger)(lambda _event, _context: {"outcome": "done"})
    call(handler, {"order_id": "ord_1", "claim": CLAIM, "action": "refund", "refund_id": "ref_1"})
    call(handler, {"order_id": "ord_2", "claim": CLAIM, "action": "capture"})
    first, second = lines.all
    assert (first["step"], first["refund_id"]) == ("refund", "ref_1")
    assert (second["step"], second["order_id"]) == ("capture", "ord_2")
    assert "refund_id" not in second


def test_an_attempt_that_runs_out_of_time_says_so_while_it_still_can(lines: Lines) -> None:
    def hangs(_event: dict[str, Any], _context: LambdaContext) -> StepResult:
        deadline = time.monotonic() + 5
        while not lines.all and time.monotonic() < deadline:
            time.sleep(0.01)
        return {"outcome": "late"}

    call(logged_step("fulfil", lines.logger)(hangs), {"order_id": "ord_1", "claim": CLAIM}, Context(0.3))
    cut_off, late = lines.all
    assert (cut_off["message"], cut_off["level"], cut_off["order_id"]) == ("step cut off", "ERROR", "ord_1")
    assert cut_off["duration_ms"] >= 0
    assert (late["message"], late["function_request_id"]) == ("step succeeded", "request-1")


def test_an_attempt_in_time_leaves_no_last_words(lines: Lines) -> None:
    handler = logged_step("fulfil", lines.logger)(lambda _event, _context: {"outcome": "shipped"})
    call(handler, {"order_id": "ord_1", "claim": CLAIM}, Context(0.3))
    time.sleep(0.1)
    assert [line["message"] for line in lines.all] == ["step succeeded"]
