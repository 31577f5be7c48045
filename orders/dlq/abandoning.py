"""Gives an order up: what it holds is given free, then it is rejected. The workflow does it, not we."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lambdas.domain.failure_end import is_over
from lambdas.domain.failure_life import resolved
from lambdas.domain.identifiers import OrderId, failure_id_for
from lambdas.domain.operation import OperationKind
from lambdas.domain.order import PaymentStatus, Status
from lambdas.domain.transitions import abandoned
from orders.dlq.deeds import Deeds
from orders.dlq.refusals import DlqRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.operation import Operation
    from lambdas.domain.order import Order
    from orders.dlq.desk import Desk
    from orders.dlq.replaying import Why

# Longer than one execution takes; an outcome may take longer when it has to be tried again.
PATIENCE_SECONDS: Final = 5 * 60.0
PAUSE_SECONDS: Final = 0.5
UNDER_WAY: Final = "under_way"
_TRIES: Final = 6
_MONEY_IS_GONE: Final = {
    PaymentStatus.CAPTURED: "its money is taken",
    PaymentStatus.EXPIRED: "its goods are shipped and its payment has expired",
}


@dataclass(frozen=True, slots=True)
class Abandoning:
    """`sleep` and `seconds` are replaceable."""

    desk: Desk
    why: Why
    patience: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    seconds: Callable[[], float] = time.monotonic

    def __call__(self, order_id: OrderId) -> Order:
        """Have an order ended, and wait for its end; return it as it stands then.

        It may be completed instead: the warehouse decides whether it is too late. An order that waits for a
        person again afterwards cannot be ended by any program.

        Raises:
            DlqRefused: there is no such order, or it is too late already.
            StoreUnavailable, QueueUnavailable: the same again goes on.
        """
        order = self._order(order_id)
        _refuse_if_late(order)
        deed = Deeds(self.desk, self.why).begin(OperationKind.ABANDON, order_id, order_id=order_id)
        before = self._write(order)
        self.desk.queue.send_process(order.order_id, order.client)
        return self._wait(before, deed)

    def _write(self, order: Order) -> Order:
        """Write the wish on the head, unless it is to end anyhow; the message comes after it."""
        for _ in range(_TRIES):
            _refuse_if_late(order)
            if order.stop_reason:
                return order
            changed = abandoned(order, self.desk.time)
            if self.desk.orders.amend(changed):
                return changed
            order = self._order(order.order_id)
        raise DlqRefused(f"{order.order_id} is changed by others at this moment: try again")

    def _wait(self, before: Order, deed: Operation) -> Order:
        until = self.seconds() + self.patience
        order = before
        while self.seconds() < until:
            order = self._order(before.order_id)
            if order.terminal or _waits_again(before, order):
                break
            self.sleep(PAUSE_SECONDS)
        ended = order.terminal or _waits_again(before, order)
        Deeds(self.desk, self.why).end(deed, str(order.status) if ended else UNDER_WAY)
        if order.terminal:
            self._resolve(order)
        return order

    def _resolve(self, order: Order) -> None:
        """Let its failure go; the schedule that looks for ended orders would do so within minutes."""
        failure = self.desk.failures.get(failure_id_for(order.order_id))
        if failure and failure.waiting and is_over(failure, order, None, came_through=False):
            self.desk.failures.save(failure, resolved(failure))

    def _order(self, order_id: OrderId) -> Order:
        order = self.desk.orders.get(order_id)
        if order is None:
            raise DlqRefused(f"there is no order {order_id}")
        return order


def _refuse_if_late(order: Order) -> None:
    if order.terminal:
        raise DlqRefused(f"{order.order_id} has ended ({order.status}): a refund gives money back")
    if why := _MONEY_IS_GONE.get(order.payment_status):
        raise DlqRefused(f"{order.order_id} cannot be given up, {why}: `orders trace` shows what there is")


def _waits_again(before: Order, order: Order) -> bool:
    """Tell whether an execution took the order on and it waits for a person all the same."""
    newest = order.timeline[-1].name
    return order.revision > before.revision and newest == order.status == Status.ATTENTION_REQUIRED
