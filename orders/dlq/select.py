"""Which failures a plan is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas.domain.identifiers import failure_id_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.domain.failure import Failure
    from lambdas.domain.failure_store import Failures
    from lambdas.domain.identifiers import Fingerprint, OrderId, RefundId
    from lambdas.domain.order_store import RefundReader


@dataclass(frozen=True, slots=True)
class Filters:
    """What a plan is confined to; None does not confine. `since` is RFC 3339, of a failure's last letter.

    `error` is an error's class, or a group's title as in `capture:LedgerConflict`.
    """

    group: Fingerprint | None = None
    since: str | None = None
    order_id: OrderId | None = None
    error: str | None = None
    limit: int | None = None


def select_failures(failures: Failures, refunds: RefundReader, filters: Filters) -> list[Failure]:
    """Return the failures that wait, those that have waited longest first; raises StoreUnavailable.

    Of an order that is named, those that do not wait too.
    """
    found = {f.failure_id: f for f in _candidates(failures, refunds, filters) if matches(f, filters)}
    ordered = sorted(found.values(), key=lambda failure: (failure.first_seen, failure.failure_id))
    return ordered[: filters.limit]


def _candidates(failures: Failures, refunds: RefundReader, filters: Filters) -> Iterator[Failure]:
    if filters.order_id:
        subjects: tuple[OrderId | RefundId, ...] = (
            filters.order_id,
            *(r.refund_id for r in refunds.refunds_of(filters.order_id)),
        )
        yield from filter(None, (failures.get(failure_id_for(subject)) for subject in subjects))
        return
    groups = [filters.group] if filters.group else [group.fingerprint for group in failures.groups()]
    for fingerprint in groups:
        yield from failures.waiting_in(fingerprint, seen_from=filters.since or "")


def matches(failure: Failure, filters: Filters) -> bool:
    """Tell whether a plan is about a failure, its order apart."""
    if filters.group and failure.fingerprint != filters.group:
        return False
    if filters.since and failure.last_seen < filters.since:
        return False
    return filters.error in {None, failure.context.error_class, failure.context.title}
