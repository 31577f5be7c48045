"""Makes a plan: selects failures, gathers the evidence, judges each and freezes all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lambdas.domain.timestamps import Clock, to_text
from orders.dlq.plan import Plan, PlanEntry
from orders.dlq.select import Filters, matches, select_failures
from orders.dlq.verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lambdas.domain.failure import Failure
    from lambdas.domain.failure_store import Failures
    from lambdas.domain.order_store import RefundReader
    from orders.deployment import Deployment
    from orders.dlq.evidence import Gatherer
    from orders.dlq.verdicts import Evidence


@dataclass(frozen=True, slots=True)
class Planning:
    """Plans for one deployment. `records` reads failures anew, by consistent reads."""

    deployment: Deployment
    failures: Failures
    refunds: RefundReader
    records: Callable[[Sequence[Failure]], Sequence[Failure]]
    gatherer: Gatherer
    now: Clock

    def select(self, filters: Filters) -> list[Failure]:
        """Return the failures that a plan with these filters is about; raises StoreUnavailable."""
        listed = select_failures(self.failures, self.refunds, filters)
        found = {failure.failure_id: failure for failure in self.records(listed)}
        present = (found.get(failure.failure_id) for failure in listed)
        return [failure for failure in present if failure and matches(failure, filters)]

    def plan(self, filters: Filters, failures: Sequence[Failure], told: Callable[[int], None]) -> Plan:
        """Judge the failures that were selected; `told` hears how many are. Raises StoreUnavailable."""
        made_at = self.now()
        evidences = self.gatherer.gather(failures, told)
        identity = self.deployment.identity
        return Plan(
            environment=self.deployment.environment,
            account=identity.account,
            region=self.deployment.region,
            made_at=to_text(made_at),
            made_by=identity.arn,
            filters={name: value for name, value in asdict(filters).items() if value is not None},
            entries=tuple(entry_of(f, evidences[f.failure_id], made_at) for f in failures),
        )


def entry_of(failure: Failure, evidence: Evidence, now: datetime) -> PlanEntry:
    """Judge a failure and freeze what the verdict rests on."""
    judgement = judge(failure, evidence, now)
    return PlanEntry(
        failure_id=failure.failure_id,
        order_id=failure.order_id,
        refund_id=failure.refund_id,
        fingerprint=failure.fingerprint,
        title=failure.context.title,
        verdict=judgement.verdict,
        reason=judgement.reason,
        failure_revision=failure.revision,
        order_revision=evidence.order.revision if evidence.order else None,
        letters=failure.letters,
        currency=failure.stake.currency,
        amount=failure.stake.total,
    )
