"""Log lines become requests, executions and attempts."""

from __future__ import annotations

import io
import json
import random
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger

from lambdas.step_log import logged_step
from orders.trace.log_lines import parse_line
from orders.trace.telling import tell
from tests.fakes.pipeline import STEPS
from tests.unit.test_step_log import Context
from tests.unit.trace.examples import (
    CLAIM,
    ORDER,
    OTHER_CLAIM,
    SALE,
    at,
    attempt,
    cut_off,
    failed_receive,
    line,
    receive,
    request,
)

if TYPE_CHECKING:
    import pytest
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from tests.fakes.pipeline import Pipeline


def test_a_sale_is_a_request_and_one_execution_with_its_steps() -> None:
    story = tell(SALE)
    (posted,) = story.requests
    assert (posted.route, posted.status, posted.at) == ("POST /v1/orders", 202, at(-0.01))
    (execution,) = story.executions
    assert execution.name == CLAIM
    assert [(a.step, a.outcome, a.duration_ms) for a in execution.attempts] == [
        ("validate", "claimed", 10),
        ("authorise", "authorized", 10),
        ("fulfil", "shipped", 10),
        ("capture", "completed", 10),
    ]
    assert execution.receive is not None
    assert (execution.receive.state, execution.receive.duration_ms) == ("SUCCEEDED", 120)
    assert (story.failed_attempts, story.failed_executions, story.notes) == ((), (), ())


def test_it_does_not_matter_in_which_order_the_lines_come() -> None:
    shuffled = list(SALE)
    random.Random(7).shuffle(shuffled)  # noqa: S311 - a test's
    assert tell(shuffled) == tell(SALE)


def test_a_step_that_failed_and_was_tried_again_is_two_attempts() -> None:
    failure: dict[str, Any] = {"error_class": "PaymentOutcomeUnknown", "error": "APIError (503)"}
    (execution,) = tell(
        [receive(0), attempt("capture", 0.1, **failure), attempt("capture", 2.3, outcome="completed")]
    ).executions
    first, second = execution.attempts
    assert (first.failed, first.error_class, first.error) == (True, *failure.values())
    assert (second.failed, second.outcome) == (False, "completed")


def test_a_decline_is_an_outcome_and_no_failure() -> None:
    declined = attempt("authorise", 0.1, outcome="rejected", reason="payment_declined:lost_card")
    story = tell([receive(0), declined])
    assert story.failed_attempts == ()
    assert story.executions[0].attempts[0].reason == "payment_declined:lost_card"


def test_a_redelivery_is_a_second_execution_of_the_same_message() -> None:
    story = tell(
        [
            failed_receive(0, 1),
            attempt("capture", 0.1, error_class="PaymentOutcomeUnknown"),
            receive(30, receives=2, claim=OTHER_CLAIM),
            attempt("capture", 30.1, outcome="completed", claim=OTHER_CLAIM),
        ]
    )
    first, second = story.executions
    assert [len(e.attempts) for e in (first, second)] == [1, 1]
    assert [r.receives for r in story.receives] == [1, 2]
    (message,) = story.messages
    assert (message.number, message.message_id, message.receives, message.repeats) == (1, "m-1", 2, False)
    assert [(r.step, r.error_class, r.decision) for r in story.failed_executions] == [
        ("capture", "PaymentOutcomeUnknown", "later")
    ]


def test_two_executions_at_once_keep_their_attempts_apart() -> None:
    story = tell(
        [
            receive(0, 5_000),
            failed_receive(1, claim=OTHER_CLAIM, message_id="m-2", step="validate", error_class="OrderBusy"),
            attempt("validate", 0.1, outcome="claimed"),
            attempt("validate", 1.1, error_class="OrderBusy", claim=OTHER_CLAIM),
            attempt("fulfil", 2.0, outcome="shipped"),
        ]
    )
    assert [[a.step for a in e.attempts] for e in story.executions] == [["validate", "fulfil"], ["validate"]]


def test_a_new_message_that_asks_the_same_is_told_from_another_command() -> None:
    refund: dict[str, Any] = {"command": "refund", "refund_id": "ref_1"}
    story = tell(
        [
            receive(0, message_id="m-1", claim="a"),
            receive(1, message_id="m-2", claim="b"),
            receive(2, message_id="m-3", claim="c", **refund),
            receive(3, message_id="m-4", claim="d", command="refund", refund_id="ref_2"),
            receive(4, message_id="m-5", claim="e", **refund),
        ]
    )
    assert [(m.number, m.repeats) for m in story.messages] == [
        (1, False),
        (2, True),
        (3, False),
        (4, False),
        (5, True),
    ]


def test_an_execution_whose_end_is_not_logged_is_told_by_its_attempts() -> None:
    (execution,) = tell([attempt("validate", 0.1), attempt("authorise", 0.2)]).executions
    assert (execution.receive, execution.name, execution.began_at) == (None, CLAIM, at(0.1))


def test_an_attempt_that_was_ended_by_lambda_failed_unless_it_came_to_its_end_after_all() -> None:
    (alone,) = tell([cut_off("fulfil", 0)]).executions
    assert alone.attempts[0].failed
    assert alone.attempts[0].cut_off
    for lines in (
        [cut_off("fulfil", 0), attempt("fulfil", 0, 9_900, outcome="shipped")],
        [attempt("fulfil", 0, 9_700, outcome="shipped"), cut_off("fulfil", 0)],
    ):
        (both,) = tell(lines).executions
        assert [(a.outcome, a.cut_off) for a in both.attempts] == [("shipped", False)]


def test_what_broke_in_dispatch_itself_is_a_failed_receive() -> None:
    fault = receive(0, decision="later", execution=None, error_class="ZeroDivisionError")
    (failed,) = tell([fault]).failed_executions
    assert (failed.state, failed.error_class) == (None, "ZeroDivisionError")


def test_reads_and_repeats_of_the_api_are_told() -> None:
    story = tell(
        [request("POST /v1/orders", 9, replayed=True), request("GET /v1/orders/{order_id}", 10, 200)]
    )
    posted, read = story.requests
    assert (posted.replayed, posted.reads) == (True, False)
    assert (read.replayed, read.reads) == (False, True)


def test_any_other_line_is_a_note() -> None:
    (note,) = tell([line("watchdog", 900, message="handed back", level="WARNING")]).notes
    assert (note.service, note.message, note.level, note.at) == (
        "watchdog",
        "handed back",
        "WARNING",
        at(900),
    )
    (failed,) = tell(
        [line("ingest", 0, message="request failed", route="x", exception_name="KeyError")]
    ).notes
    assert failed.message == "request failed: KeyError"


def test_what_the_steps_really_log_is_what_is_read(
    pipeline: Pipeline, request: pytest.FixtureRequest
) -> None:
    written = io.StringIO()
    logger = Logger(service=request.node.nodeid, stream=written)
    order_id = pipeline.accept()
    for step in ("validate", "authorise", "fulfil", "capture"):
        function, action = STEPS[step]

        def run(event: dict[str, Any], _context: LambdaContext, function: str = function) -> dict[str, Any]:
            return pipeline.invoke(function, event)

        event = {"order_id": order_id, "claim": CLAIM, **({"action": action} if action else {})}
        context = Context(aws_request_id=f"request-{step}")
        logged_step(function, logger)(run)(event, cast("LambdaContext", context))
    lines = [parse_line(text, 0) for text in written.getvalue().splitlines()]
    (execution,) = tell(one for one in lines if one).executions
    assert [(a.step, a.outcome) for a in execution.attempts] == [
        ("validate", "claimed"),
        ("authorise", "authorized"),
        ("fulfil", "shipped"),
        ("capture", "completed"),
    ]


def test_a_line_that_is_not_ours_is_no_line() -> None:
    for foreign in ("START RequestId: 1", f"[ERROR] OrderBusy: {ORDER} is claimed", "[1]", "7", ""):
        assert parse_line(foreign, 0) is None


def test_a_line_knows_when_it_was_written_better_than_its_log() -> None:
    fields = {"timestamp": "2026-03-14 10:26:53,714+0100", "service": "payment"}
    read = parse_line(json.dumps(fields), 0)
    assert read is not None
    assert read.at == at(0.125)
    assert parse_line('{"timestamp": "yesterday"}', 1_000) is not None
