"""Watches whether a cause that was thought to be mended strikes again while its plan is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdas.domain.failure_store import Failures
    from lambdas.domain.identifiers import FailureId, Fingerprint


@dataclass(frozen=True, slots=True)
class Recurrence:
    """`since` is RFC 3339: what had failed before is no news, however late its dead letter was drained."""

    failures: Failures
    fingerprints: frozenset[Fingerprint]
    since: str

    def __call__(self) -> frozenset[FailureId]:
        """Return what has failed of these causes since, in the plan or not; raises StoreUnavailable."""
        return frozenset(
            failure.failure_id
            for fingerprint in self.fingerprints
            for failure in self.failures.waiting_in(fingerprint, seen_from=self.since)
            if (failure.context.failed_at or failure.last_seen) > self.since
        )
