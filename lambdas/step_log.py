"""One line in the log for each attempt of a step, so that an order's story can be told later.

An Express workflow keeps no history: these lines are it, and `orders trace` reads them by `order_id`. They
hold ids, codes and times, never a body, a token or anything of a customer.
"""

from __future__ import annotations

import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.errors import PipelineError, TransientError
from lambdas.domain.timestamps import to_text, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.services.step_result import StepResult

    Step = Callable[[dict[str, Any], LambdaContext], StepResult]

SUCCEEDED: Final = "step succeeded"
FAILED: Final = "step failed"
CUT_OFF: Final = "step cut off"
# So long before Lambda ends the function, an attempt says that it was about to be ended.
LAST_WORDS_SECONDS: Final = 0.25


def logged_step(function: str, logger: Logger) -> Callable[[Step], Step]:
    """Turn a step into a Lambda handler that logs how each attempt ended.

    The event is `{"order_id", "claim"}`, with `action` where the function has several steps and `refund_id`
    where it is about a refund. The line has these, `step`, `began_at` (RFC 3339, UTC) and `duration_ms`, and

    - of a success the `outcome`, and its `reason` where it has one;
    - of a failure `error_class`, and `error` only of our own failures: anybody else's message may hold
      anything;
    - nothing more where Lambda ends the function for its time: such an attempt could not say it afterwards.
    """

    def decorate(step: Step) -> Step:
        @logger.inject_lambda_context(clear_state=True)
        @wraps(step)
        def handle(event: dict[str, Any], context: LambdaContext) -> StepResult:
            logger.append_keys(**_about(function, event))
            began_at, began = to_text(utc_now()), time.monotonic()

            def facts() -> dict[str, Any]:
                return {"began_at": began_at, "duration_ms": round((time.monotonic() - began) * 1000)}

            last_words = _just_before_the_end(context, lambda: logger.error(CUT_OFF, extra=facts()))
            try:
                result = step(event, context)
            except Exception as error:
                log = logger.warning if isinstance(error, TransientError) else logger.error
                log(FAILED, extra={**facts(), **describe(error)})
                raise
            finally:
                last_words.cancel()
            logger.info(SUCCEEDED, extra={**facts(), "outcome": result["outcome"], "reason": _reason(result)})
            return result

        return handle

    return decorate


def describe(error: Exception) -> dict[str, str]:
    """Name a failure's class; its message only where it is one of ours, which hold no customer data."""
    name = type(error).__name__
    return {"error_class": name, **({"error": str(error)} if isinstance(error, PipelineError) else {})}


def _about(function: str, event: dict[str, Any]) -> dict[str, Any]:
    ids = {name: event.get(name) for name in ("order_id", "refund_id", "claim")}
    # A refund's first step has the state machine's name for it: the function does it beside `validate`.
    first = "claim" if ids["refund_id"] else function
    return {**ids, "step": event.get("action", first)}


def _reason(result: StepResult) -> str | None:
    """Return why an order turns back or ended, a stable code."""
    ended = result.get("event", {}).get("data", {})
    reason: str | None = result.get("reason") or ended.get("reason")
    return reason


def _just_before_the_end(context: LambdaContext, say: Callable[[], None]) -> threading.Timer:
    seconds = context.get_remaining_time_in_millis() / 1000 - LAST_WORDS_SECONDS
    timer = threading.Timer(max(0.0, seconds), say)
    timer.daemon = True
    timer.start()
    return timer
