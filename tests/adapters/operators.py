"""An operator at a pipeline whose tables are in memory: failed orders, the queue, and the command line."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.catalogue import product_to_item
from lambdas.adapters.dynamodb.failure_contexts import DynamoFailureContexts
from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.adapters.dynamodb.operations import DynamoHistory
from lambdas.adapters.dynamodb.order_items import new_items
from lambdas.adapters.dynamodb.orders import DynamoOrders
from lambdas.domain.catalogue import Product
from lambdas.domain.commands import process_command, read_command, replay_of
from lambdas.domain.failure import Failure, FailureContext, Stake
from lambdas.domain.failure_life import died_again
from lambdas.domain.identifiers import ClientId, OrderId, PlanId, failure_id_for, order_id_for
from lambdas.domain.order import Status
from lambdas.domain.transitions import completed, needs_attention, rejected
from orders.cli import dlq_apply, main
from orders.cli.console import Output
from orders.deployment import Deployment, Identity
from orders.dlq.applying import Applying
from tests.adapters.inserting import InsertingClient
from tests.adapters.recording import client_error
from tests.adapters.tables import FAILURES, INVENTORY, LEDGER, OPERATIONS, ORDERS
from tests.fakes.clock import FakeClock
from tests.fakes.failures_made import AT_FULFIL
from tests.fakes.orders_made import an_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from lambdas.domain.operation import Operation
    from lambdas.domain.order import Order

ADA = "arn:aws:sts::111122223333:assumed-role/operator/ada"
OUTPUTS = {
    "OrdersTableName": ORDERS,
    "InventoryTableName": INVENTORY,
    "LedgerTableName": LEDGER,
    "FailuresTableName": FAILURES,
    "OperationsTableName": OPERATIONS,
    "OrdersQueueUrl": "https://sqs/orders",
    "PaymentSecretName": "payment",
    "PaymentApiUrl": "http://127.0.0.1:9",
}


@dataclass
class SentMessages:
    """SQS as far as a replay needs it."""

    bodies: list[str] = field(default_factory=list)
    sent: Callable[[], None] = lambda: None

    def send_message(self, *, MessageBody: str, **_: Any) -> dict[str, str]:  # noqa: N803 - AWS's name
        self.bodies.append(MessageBody)
        self.sent()
        return {"MessageId": f"replayed-{len(self.bodies)}"}


@dataclass(frozen=True)
class Secrets:
    """Secrets Manager; without a `secret` it is for somebody who may not read the provider's key."""

    secret: str | None

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        if self.secret is None:
            raise client_error("GetSecretValue", "AccessDeniedException")
        return {"SecretString": self.secret}


@dataclass
class Shop:
    """The pipeline behind the tables; `wrap` stands between the commands and each of their clients."""

    dynamodb: Any
    monkeypatch: pytest.MonkeyPatch
    home: Path
    environment: str = "local"
    secret: str | None = None
    wrap: Callable[[Any], Any] = lambda client: client
    clock: FakeClock = field(default_factory=FakeClock)
    queue: SentMessages = field(default_factory=SentMessages)
    works: bool = True
    late: int = 0
    broken: set[OrderId] = field(default_factory=set)
    ended: list[OrderId] = field(default_factory=list)
    _received: int = 0

    def __post_init__(self) -> None:
        """Let the commands find this pipeline, in this time."""
        patch = self.monkeypatch.setattr
        patch("orders.cli.dlq_arguments.open_deployment", lambda _arguments: self.deployment())
        for module in ("dlq.desk", "cli.dlq_plan", "cli.dlq_groups", "cli.dlq_history", "cli.dlq_arguments"):
            patch(f"orders.{module}.utc_now", self.clock)
        patch(dlq_apply, "Applying", self._applying)
        self.monkeypatch.chdir(self.home)
        tea = Product("TEA", "GBP", {"list": 450}, 2000, 1_000_000)
        self.dynamodb.put_item(TableName=INVENTORY, Item=product_to_item(tea))

    def start_anew(self) -> None:
        """Forget the messages that were sent, and who stands before the clients."""
        self.queue.bodies.clear()
        self.ended.clear()
        self._received = 0
        self.wrap = lambda client: client
        self.works = True
        self.clock.advance(1)

    def deployment(self) -> Deployment:
        """The pipeline as a command opens it."""
        clients = {
            "dynamodb": InsertingClient(self.dynamodb),
            "sqs": self.queue,
            "secretsmanager": Secrets(self.secret),
        }
        identity = Identity("111122223333", "role operator", ADA)
        return Deployment(
            self.environment, "eu-west-1", identity, OUTPUTS, lambda name: self.wrap(clients[name])
        )

    def run(self, *arguments: str) -> Ran:
        """Run a command as a program does."""
        data, messages = io.StringIO(), io.StringIO()
        output = Output(
            as_json="--json" in arguments,
            data=Console(file=data, width=220, highlight=False),
            messages=Console(file=messages, width=220, highlight=False),
        )
        self.monkeypatch.setattr(main, "Output", lambda **_: output)
        self.clock.advance(1)
        where = [] if self.environment == "local" else ["--env", self.environment]
        code = main.main(["dlq", *arguments, *where])
        return Ran(code, data.getvalue(), messages.getvalue())

    @property
    def failures(self) -> DynamoFailures:
        """The failures, read by nobody's client but the test's."""
        return DynamoFailures(self.dynamodb, FAILURES)

    @property
    def history(self) -> DynamoHistory:
        """The history."""
        return DynamoHistory(InsertingClient(self.dynamodb), OPERATIONS, FAILURES)

    def head(self, order_id: OrderId) -> Order:
        """An order."""
        order = DynamoOrders(self.dynamodb, ORDERS).get(order_id)
        assert order is not None
        return order

    def put(self, order: Order) -> None:
        """Let an order be so."""
        claim = to_item({"claim": order.claim, "claim_until": order.claim_until}) if order.claim else {}
        self.dynamodb.put_item(TableName=ORDERS, Item={**new_items(order)[0], **claim})

    def die(self, number: int, context: FailureContext = AT_FULFIL, **changes: Any) -> Failure:
        """Let the n-th order die; unless it says otherwise, before anything of it was paid or reserved."""
        failure = self.dead(number, context, **changes)
        assert self.failures.save(None, failure)
        return failure

    def dead(self, number: int, context: FailureContext = AT_FULFIL, **changes: Any) -> Failure:
        """Put the n-th order as it died; its failure is not written yet."""
        order_id = order_id_for(ClientId("client-1"), f"key-{number}")
        self.put(an_order(order_id=order_id, status=Status.ATTENTION_REQUIRED, **changes))
        return Failure(
            failure_id=failure_id_for(order_id),
            order_id=order_id,
            refund_id=None,
            body=str(process_command(order_id)).replace("'", '"'),
            context=replace(context, failed_at=self.clock.text),
            stake=Stake("GBP", 900, "attention_required", "pending", "unreserved"),
            first_seen=self.clock.text,
            last_seen=self.clock.text,
            last_message_id=f"message-{number}",
            archive_key=f"letters/{number}",
            group="group-a",
        )

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which messages are carried out, if not `late`."""
        self.clock.advance(seconds)
        self.late -= 1
        if self.works and self.late < 0:
            self.carry_out()

    def carry_out_at_once(self) -> None:
        """Let a message be carried out before the call that sends it returns."""
        self.queue.sent = self.carry_out

    def carry_out(self) -> None:
        """Carry out what was sent: orders complete, or end as their heads say, or die again."""
        for body in self.queue.bodies[self._received :]:
            self._received += 1
            command = read_command(body)
            assert command
            self._execute(OrderId(command["order_id"]), replay_of(body))

    def _execute(self, order_id: OrderId, plan_id: PlanId | None) -> None:
        head = self.head(order_id)
        if order_id in self.broken:
            self.put(needs_attention(head, self.clock.text, "fulfil:WarehouseUnavailable"))
            failure = self.failures.get(failure_id_for(order_id))
            assert failure
            context = replace(failure.context, failed_at=self.clock.text)
            letter = f"again-{self._received}"
            fresh = replace(failure, context=context, last_message_id=letter, last_seen=self.clock.text)
            again = died_again(failure, fresh)
            assert again
            assert self.failures.save(failure, again)
            return
        if not head.terminal:
            reason = head.stop_reason
            at = self.clock.text
            self.put(
                rejected(head, at, reason, payment=head.payment_status) if reason else completed(head, at)
            )
            self.ended.append(order_id)
        if plan_id:
            contexts = DynamoFailureContexts(self.dynamodb, FAILURES)
            contexts.came_through(failure_id_for(order_id), plan_id, self.clock.text)

    def operations(self, subject: str) -> list[Operation]:
        """What the history has of a subject."""
        return list(self.history.of(subject))

    def _seconds(self) -> float:
        return self.clock.moment.timestamp()

    def _applying(self, *arguments: Any, **options: Any) -> Applying:
        times: dict[str, Any] = {"now": self._seconds, "sleep": self.pass_time}
        return Applying(*arguments, **(options | times))


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, and what it wrote to stdout and to stderr."""

    code: int
    data: str
    messages: str
