"""Lets failures go whose orders have ended, and brings PagerDuty to what the groups are."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.domain.alert import is_told
from lambdas.domain.errors import PipelineError, StoreUnavailable
from lambdas.domain.failure import FailureState
from lambdas.domain.failure_end import PUBLISHING, is_given_up, is_over
from lambdas.domain.failure_life import let_go, resolved
from lambdas.services.tell_pager import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambdas.domain.failure import Failure, FailureGroup
    from lambdas.domain.failure_groups import Change
    from lambdas.domain.failure_store import Failures, ReplayMarks
    from lambdas.domain.identifiers import Fingerprint, OrderId
    from lambdas.domain.open_orders import Heads
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import RefundReader
    from lambdas.domain.refund import Refund
    from lambdas.domain.timestamps import Clock
    from lambdas.services.tell_pager import TellPager

# Open failures whose orders one run looks at in a group; the next run goes on behind them.
OPEN_LOOKED_AT: Final = 500
# Enough for what one batch takes at the slowest, and for one call of a PagerDuty that hangs.
RESERVE_SECONDS: Final = 15
_BATCH: Final = 30


class OrderHeads(Protocol):
    """Reads orders in batches; raises StoreUnavailable."""

    def heads(self, order_ids: Sequence[OrderId]) -> Heads:
        """Return heads as of all finished writes."""
        ...


@dataclass(slots=True)
class Reconciled:
    """What one run has seen and done; `pending` counts the groups that PagerDuty does not know of."""

    open: int = 0
    groups: int = 0
    resolved: int = 0
    let_go: int = 0
    pending: int = 0
    told: dict[Fingerprint, Told] = field(default_factory=dict)
    fault: str | None = None
    """What ended the run before its time, or kept it from looking at a group."""


@dataclass(slots=True)
class ReconcileIncidents:
    """One run over all groups that somebody has to look at.

    Where a run has stopped looking at open failures is kept in memory: a new environment begins anew.
    """

    failures: Failures
    marks: ReplayMarks
    orders: OrderHeads
    refunds: RefundReader
    tell: TellPager
    now: Clock
    _seen_to: dict[Fingerprint, str] = field(default_factory=dict)

    def __call__(self, seconds_left: Callable[[], float]) -> Reconciled:
        """Look at every group; never raises for a failure of ours."""
        run = Reconciled()
        try:
            # Whoever was tried last comes last: one that hangs PagerDuty keeps no other for ever.
            for group in sorted(self.failures.groups(), key=lambda group: group.paging.at or ""):
                run.groups += 1
                self._reconcile(group, run, seconds_left)
        except Exception as error:  # noqa: BLE001 - told by the run's report
            run.fault = _text_of(error)
        return run

    def _reconcile(self, group: FailureGroup, run: Reconciled, seconds_left: Callable[[], float]) -> None:
        try:
            if group.open > 0 and seconds_left() > RESERVE_SECONDS:
                self._look_at_failures(group, run, seconds_left)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - PagerDuty hears of the group, and of all others
            run.fault = _text_of(error)
        if Told.UNAVAILABLE not in run.told.values():
            run.told[group.fingerprint] = self.tell(group.fingerprint)
        self._count(group.fingerprint, run)

    def _count(self, fingerprint: Fingerprint, run: Reconciled) -> None:
        group = self.failures.group(fingerprint)
        if group is not None:
            run.open += max(0, group.open)
            run.pending += not is_told(group)

    def _look_at_failures(
        self, group: FailureGroup, run: Reconciled, seconds_left: Callable[[], float]
    ) -> None:
        waiting = self._to_look_at(group.fingerprint)
        while batch := list(islice(waiting, _BATCH)):
            self._look_at(batch, run)
            if seconds_left() <= RESERVE_SECONDS:
                return

    def _to_look_at(self, fingerprint: Fingerprint) -> Iterator[Failure]:
        """Yield all that are replayed, and so many of the open ones from where the last run stopped."""
        seen_from = self._seen_to.pop(fingerprint, "")
        looked_at = 0
        for failure in self.failures.waiting_in(fingerprint):
            if failure.state is FailureState.REPLAYING:
                yield failure
            elif failure.last_seen >= seen_from and looked_at < OPEN_LOOKED_AT:
                looked_at += 1
                yield failure
            elif looked_at == OPEN_LOOKED_AT:
                looked_at += 1
                self._seen_to[fingerprint] = failure.last_seen

    def _look_at(self, batch: list[Failure], run: Reconciled) -> None:
        order_ids = sorted({f.order_id for f in batch if f.order_id})
        orders = {order.order_id: order for order in self.orders.heads(order_ids).orders}
        over: list[Change] = []
        gone: list[Change] = []
        for failure in batch:
            order = orders.get(failure.order_id) if failure.order_id else None
            if self._is_over(failure, order):
                over.append((failure, resolved(failure)))
            elif is_given_up(failure, order, self.now()):
                gone.append((failure, let_go(failure)))
        run.resolved += self._save(over)
        run.let_go += self._save(gone)

    def _is_over(self, failure: Failure, order: Order | None) -> bool:
        came_through = False
        if failure.context.step in PUBLISHING and failure.plan_id:
            came_through = self.marks.has_come_through(failure.failure_id, failure.plan_id)
        return is_over(failure, order, self._refund(failure), came_through=came_through)

    def _refund(self, failure: Failure) -> Refund | None:
        if not failure.refund_id or not failure.order_id:
            return None
        try:
            return self.refunds.refund(failure.order_id, failure.refund_id)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - a refund that nobody can read waits, and keeps no other failure
            return None

    def _save(self, changes: list[Change]) -> int:
        """Write together; each alone where somebody else has changed one of them, who then decides."""
        if not changes or self.failures.save_together(changes):
            return len(changes)
        return sum(self.failures.save(before, after) for before, after in changes)


def _text_of(error: Exception) -> str:
    """Name a failure; the text of one that is not ours may hold anything."""
    return f"{type(error).__name__}: {error}" if isinstance(error, PipelineError) else type(error).__name__
