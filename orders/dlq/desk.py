"""What an operator works with: the failures and their history, the orders, the queue, and a name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.adapters.dynamodb.operations import DynamoHistory
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.adapters.dynamodb.refunds import DynamoRefunds
from lambdas.adapters.order_queue import SqsOrderQueue
from lambdas.domain.failure_end import PUBLISHING, is_over
from lambdas.domain.timestamps import Clock, to_text, utc_now

if TYPE_CHECKING:
    from lambdas.domain.failure import Failure
    from lambdas.domain.failure_store import Failures, ReplayMarks
    from lambdas.domain.identifiers import ClientId, OrderId
    from lambdas.domain.operation import History
    from lambdas.domain.order import Order
    from lambdas.domain.order_store import OrderAmender, RefundReader
    from lambdas.domain.refund import Refund
    from orders.deployment import Deployment


class ReplayQueue(Protocol):
    """The orders queue as operators use it; both raise QueueUnavailable."""

    def send_replay(self, body: str, group: str | None) -> str:
        """Send a dead letter's command once more; return the message's id."""
        ...

    def send_process(self, order_id: OrderId, client: ClientId) -> None:
        """Ask for an order to be processed."""
        ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a failure's subject stands now; `over` when it has ended."""

    order: Order | None
    refund: Refund | None
    over: bool

    @property
    def end(self) -> str:
        """Name how it ended, as in `completed` or `refund_succeeded`."""
        if self.refund:
            return f"refund_{self.refund.status}"
        return str(self.order.status) if self.order else "unknown"


@dataclass(frozen=True, slots=True)
class Desk:
    """`actor` is the ARN that AWS knows the operator by; `now` tells the time."""

    failures: Failures
    marks: ReplayMarks
    orders: OrderAmender
    refunds: RefundReader
    queue: ReplayQueue
    history: History
    actor: str
    now: Clock

    @property
    def time(self) -> str:
        """The present as it is stored."""
        return to_text(self.now())

    def outlook(self, failure: Failure) -> Outlook:
        """Look at what failed by consistent reads; raises StoreUnavailable."""
        order = self.orders.get(failure.order_id) if failure.order_id else None
        refund = None
        if failure.order_id and failure.refund_id:
            refund = self.refunds.refund(failure.order_id, failure.refund_id)
        came_through = False
        if failure.context.step in PUBLISHING and failure.plan_id:
            came_through = self.marks.has_come_through(failure.failure_id, failure.plan_id)
        return Outlook(order, refund, is_over(failure, order, refund, came_through=came_through))


def open_desk(deployment: Deployment) -> Desk:
    """Sit down at a deployment; raises DeploymentError when its stacks are older than this program."""
    dynamodb = deployment.client("dynamodb")
    orders, failures = deployment.output("OrdersTableName"), deployment.output("FailuresTableName")
    return Desk(
        failures=DynamoFailures(dynamodb, failures),
        marks=DynamoFailureContexts(dynamodb, failures, time.time),
        orders=DynamoOrders(dynamodb, orders),
        refunds=DynamoRefunds(dynamodb, orders),
        queue=SqsOrderQueue(deployment.client("sqs"), deployment.output("OrdersQueueUrl")),
        history=DynamoHistory(dynamodb, deployment.output("OperationsTableName"), failures),
        actor=deployment.identity.arn,
        now=utc_now,
    )
