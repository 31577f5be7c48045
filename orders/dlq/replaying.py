"""The replay of one failure, safe to be killed anywhere and to be done by several operators at once.

1. The failure goes from open to replaying, over the revision that the plan saw: one plan has it now.
2. The history gets the replay, under a key derived from plan and failure: written twice it is one.
3. The message is sent, and 4. the history gets its id.
5. When the order has ended the failure is resolved, and the history gets what came of it. When the message
   died again, the failure is open again (the function that drains dead letters saw to that).

Whoever finds a failure between two of these goes on there. Only between 3 and 4 can that send a second
message: it finds the order claimed or ended, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.domain.commands import replayed_by
from lambdas.domain.failure import MAX_APPLIES, Failure, FailureState
from lambdas.domain.failure_life import resolved
from lambdas.domain.identifiers import operation_id_for
from lambdas.domain.operation import Operation, OperationKind
from lambdas.domain.order import Status
from lambdas.domain.timestamps import from_text
from lambdas.domain.watch import has_live_claim

if TYPE_CHECKING:
    from lambdas.domain.identifiers import PlanId
    from orders.dlq.desk import Desk, Outlook
    from orders.dlq.plan import PlanEntry

# So long another operator may be between a replay's first write and its message.
UNSENT_AFTER: Final = timedelta(seconds=30)
_TRIES: Final = 5
_CAME_BACK: Final = "came_back"
_NO_OUTCOME: Final = "no_outcome"


class Standing(StrEnum):
    """Where a replay stands; the last three were not begun by this plan and will not be."""

    UNDER_WAY = "under_way"
    DONE = "done"
    CAME_BACK = "came_back"
    CHANGED = "changed"
    CLAIMED = "claimed"
    QUARANTINED = "quarantined"


ENDED: Final = frozenset(Standing) - {Standing.UNDER_WAY}
REFUSED: Final = frozenset({Standing.CHANGED, Standing.CLAIMED, Standing.QUARANTINED})


@dataclass(frozen=True, slots=True)
class Stand:
    """A standing, and what there is to say of it: how the order ended, or why it is refused.

    `same_cause` tells of one that came back that it failed of the same as before.
    """

    standing: Standing
    detail: str = ""
    same_cause: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """Why an operator does something; the reason is one of `lambdas.domain.operation.REASONS`."""

    reason_code: str
    incident: str | None = None
    note: str | None = None


_UNDER_WAY: Final = Stand(Standing.UNDER_WAY)


@dataclass(frozen=True, slots=True)
class Replays:
    """The replays of one plan."""

    desk: Desk
    plan_id: PlanId
    why: Why

    def begin(self, entry: PlanEntry) -> Stand:
        """Replay a failure, go on with its replay, or say why not.

        Raises:
            StoreUnavailable, QueueUnavailable: the same again goes on from there.
        """
        for _ in range(_TRIES):
            failure = self.desk.failures.get(entry.failure_id)
            if failure is None:
                return Stand(Standing.CHANGED, "its failure is gone")
            if failure.plan_id == self.plan_id:
                return self._go_on(failure, entry)
            if refused := self._refuse(failure, entry):
                return refused
            began = replace(
                failure,
                state=FailureState.REPLAYING,
                plan_id=self.plan_id,
                replayed_at=self.desk.time,
                applies=failure.applies + 1,
                revision=failure.revision + 1,
            )
            if self.desk.failures.save(failure, began):
                # In one millisecond two operators write the very same: whose entry is new sends.
                if self._record_replay(began):
                    self._send(began)
                return _UNDER_WAY
        return Stand(Standing.CHANGED, "others change its failure all the time")

    def recall(self, entry: PlanEntry) -> Stand | None:
        """Go on with what an earlier run of this plan began; None when it did not. Raises as `begin` does."""
        failure = self.desk.failures.get(entry.failure_id)
        if failure is None or failure.plan_id != self.plan_id:
            return None
        return self._go_on(failure, entry)

    def _refuse(self, failure: Failure, entry: PlanEntry) -> Stand | None:
        if failure.state is FailureState.RESOLVED:
            return Stand(Standing.CHANGED, "it was resolved meanwhile")
        if failure.state is not FailureState.OPEN or failure.revision != entry.failure_revision:
            return Stand(Standing.CHANGED, f"its failure changed since the plan ({failure.state})")
        order = self.desk.orders.get(failure.order_id) if failure.order_id else None
        if order is not None and has_live_claim(order, self.desk.now()):
            return Stand(Standing.CLAIMED, "an execution holds the order")
        if order is None or order.revision != entry.order_revision:
            return Stand(Standing.CHANGED, "the order changed since the plan")
        if failure.applies >= MAX_APPLIES:
            return self._quarantine(failure)
        return None

    def _quarantine(self, failure: Failure) -> Stand:
        """Set aside what was replayed often enough: it would only fail once more."""
        aside = replace(failure, state=FailureState.QUARANTINED, revision=failure.revision + 1)
        if not self.desk.failures.save(failure, aside):
            return Stand(Standing.CHANGED, "its failure changed at this moment")
        return Stand(Standing.QUARANTINED, f"it was replayed {failure.applies} times")

    def _go_on(self, failure: Failure, entry: PlanEntry) -> Stand:
        """Go on where an earlier run, or another operator with this plan, is or was."""
        stand = self._conclude(failure, entry)
        if stand.standing is Standing.UNDER_WAY and self._is_unsent(failure):
            self._record_replay(failure)
            self._send(failure)
        return stand

    def _is_unsent(self, failure: Failure) -> bool:
        if self.desk.history.find(self._operation(failure, OperationKind.SENT)):
            return False
        age = self.desk.now() - from_text(failure.replayed_at or failure.last_seen)
        if age < UNSENT_AFTER:
            return False
        order = self.desk.orders.get(failure.order_id) if failure.order_id else None
        # A message that nobody wrote down may have come to an execution all the same.
        return order is None or not (
            order.status is Status.PROCESSING or has_live_claim(order, self.desk.now())
        )

    def _record_replay(self, failure: Failure) -> bool:
        return self.desk.history.record(self._operation(failure, OperationKind.REPLAY))

    def _send(self, failure: Failure) -> None:
        message_id = self.desk.queue.send_replay(replayed_by(failure.body, self.plan_id), failure.group)
        sent = self._operation(failure, OperationKind.SENT)
        self.desk.history.record(replace(sent, message_id=message_id))

    def _conclude(self, failure: Failure, entry: PlanEntry) -> Stand:
        """Write down what came of it, if that is known; each time again the same."""
        if failure.state is FailureState.REPLAYING:
            outlook = self.desk.outlook(failure)
            if not outlook.over:
                return _UNDER_WAY
            if not self.desk.failures.save(failure, resolved(failure)):
                return _UNDER_WAY  # somebody else is about to say the same, or that it came back
            return self._done(failure, outlook)
        if failure.state is FailureState.RESOLVED:
            return self._done(failure, self.desk.outlook(failure))
        died = failure.letters != entry.letters
        result = _CAME_BACK if died else _NO_OUTCOME
        if failure.state is not FailureState.OPEN:
            result = failure.state
        self._record_result(failure, result)
        detail = failure.context.title if result == _CAME_BACK else result
        return Stand(Standing.CAME_BACK, detail, died and failure.fingerprint == entry.fingerprint)

    def _done(self, failure: Failure, outlook: Outlook) -> Stand:
        self._record_result(failure, outlook.end)
        return Stand(Standing.DONE, outlook.end)

    def _record_result(self, failure: Failure, result: str) -> None:
        self.desk.history.record(self._operation(failure, OperationKind.REPLAY, result))

    def _operation(self, failure: Failure, kind: OperationKind, result: str | None = None) -> Operation:
        """Make an entry of the history: the same one whoever makes it, however often."""
        began_at = failure.replayed_at or failure.last_seen
        return Operation(
            operation_id=operation_id_for(kind, "result" if result else "", self.plan_id, failure.failure_id),
            subject=failure.failure_id,
            kind=kind,
            began_at=began_at,
            at=self.desk.time if result or kind is OperationKind.SENT else began_at,
            actor=self.desk.actor,
            reason_code=self.why.reason_code,
            order_id=failure.order_id,
            plan_id=self.plan_id,
            incident=self.why.incident,
            result=result,
        )
