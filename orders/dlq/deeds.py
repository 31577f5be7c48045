"""Writes what an operator does into the history: before its effect, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.identifiers import operation_id_for
from lambdas.domain.operation import Operation, OperationKind

if TYPE_CHECKING:
    from lambdas.domain.identifiers import OrderId, PlanId
    from orders.dlq.desk import Desk
    from orders.dlq.replaying import Why

DONE: Final = "done"
_RESULT: Final = "result"


@dataclass(frozen=True, slots=True)
class Deeds:
    """The deeds of one command; raises StoreUnavailable."""

    desk: Desk
    why: Why

    def begin(
        self,
        kind: OperationKind,
        subject: str,
        *,
        order_id: OrderId | None = None,
        plan_id: PlanId | None = None,
    ) -> Operation:
        """Write down that something is about to be done, with the operator's words beside it."""
        at = self.desk.time
        deed = Operation(
            operation_id=operation_id_for(kind, subject, self.desk.actor, at),
            subject=subject,
            kind=kind,
            began_at=at,
            at=at,
            actor=self.desk.actor,
            reason_code=self.why.reason_code,
            order_id=order_id,
            plan_id=plan_id,
            incident=self.why.incident,
        )
        self.desk.history.record(deed)
        if self.why.note:
            self.desk.history.keep_note(deed, self.why.note)
        return deed

    def end(self, deed: Operation, result: str) -> None:
        """Write down what came of it; `result` is a code."""
        ended = replace(
            deed,
            operation_id=operation_id_for(_RESULT, deed.operation_id),
            at=self.desk.time,
            result=result,
        )
        self.desk.history.record(ended)
