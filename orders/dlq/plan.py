"""A plan: the exact set of failures that may be replayed, frozen with what was known of each."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import plan_id_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambdas.domain.identifiers import FailureId, Fingerprint, OrderId, PlanId, RefundId
    from orders.dlq.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """A failure in a plan. It is replayed only over the revisions that it and its order had then.

    `amount` is what is at stake in minor units, `letters` how many of its messages had died.
    """

    failure_id: FailureId
    order_id: OrderId | None
    refund_id: RefundId | None
    fingerprint: Fingerprint
    title: str
    verdict: Verdict
    reason: str
    failure_revision: int
    order_revision: int | None
    letters: int
    currency: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a plan says; its id is derived from it. `made_by` is an ARN, `made_at` RFC 3339."""

    environment: str
    account: str
    region: str
    made_at: str
    made_by: str
    filters: Mapping[str, str | int]
    entries: tuple[PlanEntry, ...]

    @property
    def plan_id(self) -> PlanId:
        """The digest of everything in it."""
        return plan_id_for(json.dumps(asdict(self), sort_keys=True, separators=(",", ":")))

    def of(self, verdict: Verdict) -> list[PlanEntry]:
        """Return the entries with a verdict, in the plan's order."""
        return [entry for entry in self.entries if entry.verdict is verdict]


def stake_of(entries: Iterable[PlanEntry]) -> dict[str, int]:
    """Add up what is at stake: minor units by currency, sorted."""
    sums: Counter[str] = Counter()
    for entry in entries:
        if entry.currency:
            sums[entry.currency] += entry.amount
    return dict(sorted(sums.items()))
