"""Gathers what verdicts rest on, for thousands of failures in seconds: in batches, several at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lambdas.domain.failure_end import PUBLISHING
from orders.dlq.verdicts import Evidence, payment_matters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from lambdas.domain.failure import Failure
    from lambdas.domain.failure_store import ReplayMarks
    from lambdas.domain.identifiers import FailureId
    from lambdas.domain.order import Order
    from lambdas.services.pacing import Pacer
    from orders.dlq.tables import OrderTables, Stored
    from orders.trace.model import NotRead, Payment

    Evidences = dict[FailureId, Evidence]
    _Payment = Payment | NotRead | None

_CHUNK: Final = 100
_TABLE_READERS: Final = 4
PROVIDER_READERS: Final = 8


@dataclass(slots=True)
class Gatherer:
    """`read_payment` asks the provider for a payment by its id, with its refunds or without.

    `pacer` keeps the questions to the provider below its limit; None asks as fast as it answers.
    """

    tables: OrderTables
    marks: ReplayMarks
    read_payment: Callable[[str, bool], _Payment]
    pacer: Pacer | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def gather(self, failures: Sequence[Failure], told: Callable[[int], None]) -> Evidences:
        """Return the evidence for each failure; `told` hears how many are done. Raises StoreUnavailable."""
        chunks = [failures[start : start + _CHUNK] for start in range(0, len(failures), _CHUNK)]
        found: Evidences = {}
        with ThreadPoolExecutor(_TABLE_READERS) as readers, ThreadPoolExecutor(PROVIDER_READERS) as askers:
            try:
                asked = [readers.submit(self._chunk, chunk, askers) for chunk in chunks]
                for chunk in asked:
                    for failure_id, (evidence, payment) in chunk.result().items():
                        found[failure_id] = _complete(evidence, payment)
                        told(len(found))
            except BaseException:
                # Whoever interrupts does not wait for thousands of questions.
                readers.shutdown(wait=False, cancel_futures=True)
                askers.shutdown(wait=False, cancel_futures=True)
                raise
        return found

    def _chunk(
        self, failures: Sequence[Failure], askers: ThreadPoolExecutor
    ) -> dict[FailureId, tuple[Evidence, Future[_Payment] | None]]:
        stored = self.tables.read(failures)
        found: dict[FailureId, tuple[Evidence, Future[_Payment] | None]] = {}
        for failure in failures:
            evidence = self._evidence(failure, stored)
            payment = None
            if evidence.order and payment_matters(failure, evidence.order):
                payment = askers.submit(self._ask, failure, evidence.order)
            found[failure.failure_id] = evidence, payment
        return found

    def _evidence(self, failure: Failure, stored: Stored) -> Evidence:
        came_through = False
        if failure.context.step in PUBLISHING and failure.plan_id:
            came_through = self.marks.has_come_through(failure.failure_id, failure.plan_id)
        order_id = failure.order_id
        if order_id is None:
            return Evidence(readable=False)
        return Evidence(
            order=stored.orders.get(order_id),
            readable=order_id not in stored.unreadable,
            refund=stored.refunds.get(failure.refund_id) if failure.refund_id else None,
            booked=frozenset(stored.booked.get(order_id, ())),
            withdrawn=order_id in stored.withdrawn,
            short=order_id in stored.short,
            came_through=came_through,
        )

    def _ask(self, failure: Failure, order: Order) -> _Payment:
        if self.pacer:
            with self._turn:
                self.pacer.wait()
        return self.read_payment(order.payment_intent or "", failure.refund_id is not None)


def _complete(evidence: Evidence, payment: Future[_Payment] | None) -> Evidence:
    return evidence if payment is None else replace(evidence, payment=payment.result())
