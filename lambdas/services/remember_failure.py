"""Keeps how a message failed for good, and that a replayed one came through, whatever the store says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas.domain.commands import REFUND, replay_of
from lambdas.domain.failure import FailureContext
from lambdas.domain.failure_cause import context_of
from lambdas.domain.identifiers import OrderId, RefundId, failure_id_for
from lambdas.domain.timestamps import Clock, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.commands import Command
    from lambdas.domain.failure_store import FailureContexts, ReplayMarks
    from lambdas.domain.identifiers import FailureId
    from lambdas.domain.workflow import Execution


@dataclass(frozen=True, slots=True)
class RememberFailure:
    """`tell` hears of a store that did not keep it: what becomes of the message never depends on that.

    `trace_id` returns X-Ray's trace of this invocation.
    """

    contexts: FailureContexts
    marks: ReplayMarks
    now: Clock
    code_version: str
    trace_id: Callable[[], str | None]
    tell: Callable[[Command, Exception], None]

    def __call__(
        self, command: Command, message_id: str, attempts: int, claim: str, execution: Execution
    ) -> None:
        """Keep how the last execution of a message ended."""
        at = to_text(self.now())
        self._keep(command, message_id, context_of(execution, attempts, claim, at))

    def fault(self, command: Command, message_id: str, attempts: int, claim: str, error: Exception) -> None:
        """Keep that dispatch itself broke at a message."""
        context = FailureContext(
            step="dispatch",
            error_class=type(error).__name__,
            attempts=attempts,
            claim=claim,
            failed_at=to_text(self.now()),
        )
        self._keep(command, message_id, context)

    def success(self, command: Command, body: str) -> None:
        """Mark a replayed message that ended well; any other leaves nothing."""
        plan_id = replay_of(body)
        if plan_id is None:
            return
        try:
            self.marks.came_through(failure_of(command), plan_id, to_text(self.now()))
        except Exception as error:  # noqa: BLE001 - the order has ended well, whoever hears of it
            self.tell(command, error)

    def _keep(self, command: Command, message_id: str, context: FailureContext) -> None:
        context = replace(context, trace_id=self.trace_id(), code_version=self.code_version)
        try:
            self.contexts.keep(failure_of(command), message_id, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message goes its way
            self.tell(command, error)


def failure_of(command: Command) -> FailureId:
    """Return the id of the failure that a command's message belongs to."""
    if command["command"] == REFUND:
        return failure_id_for(RefundId(command["refund_id"]))
    return failure_id_for(OrderId(command["order_id"]))
