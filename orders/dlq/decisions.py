"""What an operator decides about one failure: set it aside, give it up, or let it be replayed again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.failure import Failure, FailureState
from lambdas.domain.operation import OperationKind
from orders.dlq.deeds import DONE, Deeds
from orders.dlq.refusals import DlqRefused

if TYPE_CHECKING:
    from lambdas.domain.identifiers import FailureId
    from orders.dlq.desk import Desk
    from orders.dlq.replaying import Why

REFUSED: Final = "refused"
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class _Decision:
    kind: OperationKind
    after: FailureState
    allowed: frozenset[FailureState]


_S = FailureState
DECISIONS: Final = {
    decision.kind: decision
    for decision in (
        _Decision(OperationKind.QUARANTINE, _S.QUARANTINED, frozenset({_S.OPEN, _S.REPLAYING})),
        _Decision(OperationKind.DISCARD, _S.DISCARDED, frozenset({_S.OPEN, _S.REPLAYING, _S.QUARANTINED})),
        _Decision(OperationKind.RESTORE, _S.OPEN, frozenset({_S.QUARANTINED, _S.DISCARDED, _S.REPLAYING})),
    )
}


def decide(desk: Desk, failure_id: FailureId, kind: OperationKind, why: Why) -> Failure:
    """Quarantine, discard or restore a failure; return it after that. Its order stays as it is.

    A restored one may be replayed as often as a new one. The history has the wish before the change, so that
    none is ever without its author.

    Raises:
        DlqRefused: there is no such failure, or its state does not allow it.
        StoreUnavailable: DynamoDB does not answer.
    """
    decision = DECISIONS[kind]
    deeds = Deeds(desk, why)
    for _ in range(_TRIES):
        failure = desk.failures.get(failure_id)
        if failure is None:
            raise DlqRefused(f"there is no failure {failure_id}: `orders dlq groups` shows what there is")
        if failure.state is decision.after:
            return failure
        if failure.state not in decision.allowed:
            raise DlqRefused(f"{failure_id} is {failure.state}: there is nothing to {kind}")
        deed = deeds.begin(kind, failure_id, order_id=failure.order_id, plan_id=failure.plan_id)
        changed = replace(
            failure,
            state=decision.after,
            applies=0 if kind is OperationKind.RESTORE else failure.applies,
            revision=failure.revision + 1,
        )
        saved = desk.failures.save(failure, changed)
        deeds.end(deed, DONE if saved else REFUSED)
        if saved:
            return changed
    raise DlqRefused(f"{failure_id} is changed by others at this moment: try again")
