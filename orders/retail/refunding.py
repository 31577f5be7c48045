"""Asks for the planned refunds, and follows them to their end."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lambdas.domain.refund import RefundStatus
from orders.api_client import ApiRefused
from orders.patient_client import is_retryable
from orders.retail.accepting import PATIENCE_SECONDS, refusal_code
from orders.retail.parallel import do_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from orders.patient_client import PatientClient
    from orders.retail.credits import PlannedRefund

_AT_A_LOOK: Final = 16
_REST_SECONDS: Final = 0.5
_REST_FACTOR: Final = 4
_REFUSALS: Final = frozenset({400, 403, 404, 409, 413, 422})


@dataclass(slots=True)
class RefundOutcome:
    """What became of a planned refund; without an id the API refused it, and `failure` is its code.

    `replayed` when an earlier run had asked for it.
    """

    planned: PlannedRefund
    refund_id: str | None
    status: str
    amount: int
    failure: str | None = None
    restocked: bool = False
    replayed: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the money went back."""
        return self.status == RefundStatus.SUCCEEDED

    @property
    def moving(self) -> bool:
        """Whether its money or its goods are still on their way."""
        return self.status == RefundStatus.REQUESTED or (self.succeeded and not self.restocked)

    @property
    def stuck(self) -> bool:
        """Whether it was accepted and is neither done nor failed."""
        return self.refund_id is not None and (self.moving or self.status == RefundStatus.ATTENTION_REQUIRED)


def accept_refunds(
    client: PatientClient, planned: list[PlannedRefund], tell: Callable[[int], None]
) -> list[RefundOutcome]:
    """Ask for every refund under its key; `tell` hears how many are answered.

    Raises:
        ApiRefused, ApiUnreachable: as `accept_orders`.
    """
    outcomes: dict[str, RefundOutcome] = {}

    def answered(refund: PlannedRefund, outcome: RefundOutcome) -> None:
        outcomes[refund.key] = outcome
        tell(len(outcomes))

    do_all(planned, lambda refund: _ask(client, refund), answered, client.stop)
    return [outcomes[refund.key] for refund in planned]


@dataclass(slots=True)
class RefundWatch:
    """Follows refunds by asking their orders, a few at a look and the oldest first."""

    client: PatientClient
    patience: float = PATIENCE_SECONDS
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until_ended(self, outcomes: list[RefundOutcome], tell: Callable[[int], None]) -> None:
        """Look until every accepted refund is decided, or none is any more; `tell` hears how many are."""
        waiting = deque(outcome for outcome in outcomes if outcome.refund_id)
        total, last_change = len(waiting), self.now()
        while waiting and self.now() - last_change <= self.patience:
            began, before = self.now(), len(waiting)
            looked_at = [waiting.popleft() for _ in range(min(_AT_A_LOOK, before))]
            self._look(looked_at)
            waiting.extend(outcome for outcome in looked_at if outcome.moving)
            tell(total - len(waiting))
            if len(waiting) < before:
                last_change = self.now()
            if len(waiting) > before - len(looked_at):  # some of them are not decided: no need to hurry
                self.sleep(max(_REST_SECONDS, _REST_FACTOR * (self.now() - began)))

    def _look(self, outcomes: list[RefundOutcome]) -> None:
        for order_id in dict.fromkeys(outcome.planned.order_id for outcome in outcomes):
            found = {refund["refund_id"]: refund for refund in self.client.refunds(order_id)}
            for outcome in outcomes:
                if refund := found.get(outcome.refund_id):
                    outcome.status, outcome.failure = refund["status"], refund["failure"]
                    outcome.amount, outcome.restocked = refund["amount"], refund["restocked"]


def _ask(client: PatientClient, refund: PlannedRefund) -> RefundOutcome:
    try:
        asked = client.refund(refund.order_id, refund.body(), refund.key)
    except ApiRefused as error:
        if error.status not in _REFUSALS or is_retryable(error):
            raise
        return RefundOutcome(refund, None, "refused", 0, refusal_code(error.problem, error.status))
    body = asked.order
    return RefundOutcome(
        planned=refund,
        refund_id=body["refund_id"],
        status=body["status"],
        amount=body["amount"],
        failure=body["failure"],
        restocked=body["restocked"],
        replayed=asked.replayed,
    )
