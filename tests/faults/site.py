"""The whole pipeline in one process: real functions, engine's tables and queues, stand-ins over HTTP.

What calls the functions on AWS (the gateway with a client behind it, the queue's event source, the schedule)
is played here, with what they do when a function fails: a client asks again, a message comes again, and what
has become a dead letter is replayed by an operator.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.commands import read_command
from lambdas.domain.failure import FailureState
from lambdas.domain.identifiers import PlanId
from lambdas.domain.timestamps import to_text
from lambdas.services.remember_failure import failure_of
from tests.adapters.tables import FAILURES, IDEMPOTENCY, INVENTORY, ORDERS
from tests.fakes.pipeline import CLAIM_SECONDS
from tests.faults.kinds import WorkerDied
from tests.properties.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambdas.adapters.dynamodb.failure_records import DynamoFailures
    from orders.local.standins.remote import RemoteControl
    from tests.fakes.clock import FakeClock
    from tests.faults.functions import Functions
    from tests.faults.wire import Wire

CLIENT: Final = "client-1"
# A client asks again, and a message comes again, until this is plainly not going to end.
MOST_TRIES: Final = 12
MOST_DELIVERIES: Final = 60
PAGING_GAP_SECONDS: Final = 60
HOUR: Final = 3_600
_GOOD: Final = frozenset({200, 202})
_RETRYABLE: Final = 500


class NeverEnds(AssertionError):
    """What should come to an end does not."""


@dataclass(slots=True)
class WatchedBus:
    """The event bus behind the workflow's own call."""

    wire: Wire
    events: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, event: dict[str, Any]) -> None:
        """Take an event, or fail as the integration does: with an error that the definition retries."""
        self.wire.step = True
        try:
            self.wire.through("events", "PutEvents", "outcomes", lambda: self.events.append(event), _refuse)
        finally:
            self.wire.step = False


class EventsError(Exception):
    """The integration's error; the definition retries all of them."""


def _refuse(_kind: object) -> None:
    raise EventsError


@dataclass(slots=True)
class Site:
    """The pipeline and everybody around it; `aws` are an administrator's clients, beside the wire."""

    wire: Wire
    clock: FakeClock
    functions: Functions
    bus: WatchedBus
    dynamodb: Any
    sqs: Any
    queue_url: str
    dead_url: str
    provider: RemoteControl
    warehouse: RemoteControl
    pager: RemoteControl
    failures: DynamoFailures
    orders: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    deliveries: int = 0
    under_way: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_key(self, name: str) -> str:
        """Make a key that no order was submitted under: ids are made from it, and tables stay."""
        return f"{name} {next(self._numbers)}"

    # What the pipeline is called by.

    def ask(self, route: str, key: str, body: dict[str, Any], **path: str) -> dict[str, Any]:
        """Send a request until it is answered for good, as a client with a key does; return the body."""
        headers = {
            "x-orders-client": CLIENT,
            "x-orders-scopes": "orders:refund",
            "content-type": "application/json",
            "idempotency-key": key,
        }
        event = {
            "routeKey": route,
            "headers": headers,
            "requestContext": {"requestId": "r"},
            "body": json.dumps(body),
            "pathParameters": path,
        }
        for _ in range(MOST_TRIES):
            try:
                answer = self.functions.call("ingest", event)
            except WorkerDied:
                continue
            finally:
                self.wire.mend()
            if answer["statusCode"] < _RETRYABLE:
                content: dict[str, Any] = json.loads(answer["body"])
                assert answer["statusCode"] in _GOOD, content
                return content
        raise NeverEnds(f"{route} is never answered")

    def submit(self, key: str, *lines: tuple[str, int], card: str | None = "pm_card_visa") -> str:
        """Submit an order."""
        body: dict[str, Any] = {
            "currency": "GBP",
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            **({"payment_method": card} if card else {}),
        }
        order_id: str = self.ask("POST /v1/orders", key, body)["order_id"]
        self.orders.append(order_id)
        return order_id

    def cancel(self, order_id: str) -> None:
        """Ask for an order's end."""
        self.ask("POST /v1/orders/{order_id}/cancel", "cancel", {}, order_id=order_id)

    def refund(self, order_id: str, key: str, **wish: Any) -> None:
        """Ask for money back, under a key of the order's own."""
        body = {"reason_code": "returned", **wish}
        taken = self.ask("POST /v1/orders/{order_id}/refunds", key, body, order_id=order_id)
        self.refunds.append(taken["refund_id"])

    def read(self, order_id: str) -> None:
        """Look at the order and at the client's list of orders."""
        self.ask("GET /v1/orders/{order_id}", "", {}, order_id=order_id)
        self.ask("GET /v1/orders", "", {})

    def watch(self, *, hurried: bool = False) -> None:
        """Let the schedule run the watchdog until a run is whole; a hurried one leaves the rest."""
        incomplete = self.functions.modules["watchdog"].WatchIncomplete
        self._on_schedule("watchdog", incomplete, milliseconds=10_000 if hurried else 50_000)

    def _on_schedule(self, name: str, incomplete: type[Exception], milliseconds: int = 50_000) -> None:
        for _ in range(MOST_TRIES):
            try:
                self.functions.call(name, {}, milliseconds=milliseconds)
            except (WorkerDied, incomplete):
                self.clock.advance(HOUR)  # until then it runs again, and finds what this run has left
            else:
                return
            finally:
                self.wire.mend()
        raise NeverEnds(f"{name} never comes through")

    # The queue.

    def deliver(self) -> bool:
        """Deliver one message, if there is one; what is kept comes back at once, on a later day."""
        message = self._receive(self.queue_url)
        if message is None:
            return False
        self.deliveries += 1
        self.under_way.append(message["Body"])
        try:
            self._let_dispatch_have(message)
        finally:
            self.under_way.pop()
        self.wire.mend()
        self.clock.advance(CLAIM_SECONDS + 1)
        return True

    def _let_dispatch_have(self, message: dict[str, Any]) -> None:
        """As the event source does: what is done with is deleted, the rest comes back."""
        receipt = {"QueueUrl": self.queue_url, "ReceiptHandle": message["ReceiptHandle"]}
        if self._is_done("dispatch", message):
            self.sqs.delete_message(**receipt)
        else:
            self.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)

    def _is_done(self, function: str, message: dict[str, Any]) -> bool:
        """Let a function have a message; tell whether it is done with."""
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
        }
        try:
            answer = self.functions.call(function, {"Records": [record]})
        except (WorkerDied, self.functions.modules["replay"].NothingDrained):
            return False
        return not answer["batchItemFailures"]

    def settle(self) -> None:
        """Deliver until nothing is left; an operator replays what has become a dead letter."""
        for _ in range(MOST_DELIVERIES):
            if not self.deliver() and not self.drain():
                self.reconcile()
                return
        raise NeverEnds("messages never come to an end")

    def deliver_until_dead(self) -> None:
        """Deliver until nothing is left on the queue: what failed for good is a dead letter."""
        for _ in range(MOST_DELIVERIES):
            if not self.deliver():
                return
        raise NeverEnds("the message never dies")

    def send(self, body: str) -> None:
        """Put any message onto the queue."""
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def settle_until_held(self, order_id: str) -> None:
        """Deliver until the order's goods are held, whatever fails on the way there."""
        key = {"order_id": {"S": order_id}, "item": {"S": "HEAD"}}
        for _ in range(MOST_DELIVERIES):
            if not self.deliver():
                self.drain()
            head = self.dynamodb.get_item(TableName=ORDERS, Key=key, ConsistentRead=True)["Item"]
            if head["fulfillment_status"]["S"] == "reserved":
                return
        raise NeverEnds("the goods are never held")

    def waiting(self) -> list[str]:
        """Take all messages off the queue and return their bodies."""
        bodies = []
        while message := self._receive(self.queue_url):
            bodies.append(message["Body"])
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def deliver_body(self, body: str) -> None:
        """Deliver a message of this body; one that is not done with goes onto the queue, for later."""
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)
        self.deliver()

    def deliver_copy(self) -> None:
        """Deliver the message under way a second time, at once; a copy that is not done with comes back."""
        if not self.under_way:
            return
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=self.under_way[-1])
        copy = self._receive(self.queue_url)
        assert copy is not None
        self._let_dispatch_have(copy)

    def lose_messages(self) -> None:
        """Let every message that waits be lost."""
        self.waiting()

    def drain(self) -> bool:
        """Let the replay function have a dead letter, if there is one; one that it keeps comes back."""
        letter = self._receive(self.dead_url)
        if letter is None:
            return False
        receipt = {"QueueUrl": self.dead_url, "ReceiptHandle": letter["ReceiptHandle"]}
        if self._is_done("replay", letter):
            self.sqs.delete_message(**receipt)
            self._replay(letter["Body"])
        else:
            self.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
        self.wire.mend()
        return True

    def _replay(self, body: str) -> None:
        """Send a failure's message again as an operator does: the failure waits for this plan's outcome."""
        command = read_command(body)
        if command is None:
            return
        failure = self.failures.get(failure_of(command))
        assert failure is not None, "a letter went and nothing is recorded"
        if failure.state is FailureState.RESOLVED:
            return
        plan = PlanId(f"plan_{failure.revision}")
        at = to_text(self.clock())
        replayed = replace(
            failure,
            state=FailureState.REPLAYING,
            plan_id=plan,
            replayed_at=at,
            revision=failure.revision + 1,
        )
        assert self.failures.save(failure, replayed)
        message = json.dumps({**command, "replay": plan})
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=message)

    def reconcile(self) -> None:
        """Let the schedule bring PagerDuty to what the failures are, until a run is whole."""
        incomplete = self.functions.modules["alert"].ReconciliationIncomplete
        self._on_schedule("alert", incomplete)
        self.clock.advance(PAGING_GAP_SECONDS + 1)
        self._on_schedule("alert", incomplete)

    def _receive(self, url: str) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=1, AttributeNames=["All"]
        ).get("Messages", [])
        return found[0] if found else None

    def withdraw(self, sku: str) -> None:
        """Take a product out of the catalogue."""
        self.dynamodb.delete_item(TableName=INVENTORY, Key={"sku": {"S": sku}})

    # The workflow.

    def run_workflow(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer StartSyncExecution by a walk through the real definition."""
        walk = Walk(self.functions, self.bus, json.loads(request["input"]), request["name"])
        end = walk.finish()
        answer: dict[str, Any] = {
            "executionArn": "arn:aws:states:us-east-1:000000000000:express:process:1",
            "startDate": 0,
            "stopDate": 0,
            "status": end.state.value,
        }
        if end.error:
            return {**answer, "error": end.error}
        return {**answer, "output": json.dumps(walk.output)}

    # Between two cases.

    def begin(self, stock: Mapping[str, dict[str, Any]]) -> None:
        """Forget the orders of the case before, and fill the shelves."""
        self.orders, self.refunds = [], []
        self.deliveries = 0
        self.under_way = []
        self.bus.events.clear()
        self.wire.begin()
        for url in (self.queue_url, self.dead_url):
            self.sqs.purge_queue(QueueUrl=url)
        for control in (self.provider, self.warehouse):
            control.call("DELETE", "faults")  # outages too
            control.call("POST", "credentials", {"accepted": None})
        self.pager.reset()
        self.warehouse.call("DELETE", "refusals")
        self.dynamodb.delete_item(TableName=IDEMPOTENCY, Key={"id": {"S": "breaker#outside"}})
        for found in self.dynamodb.scan(TableName=INVENTORY)["Items"]:
            if found["sku"]["S"] not in stock:
                self.dynamodb.delete_item(TableName=INVENTORY, Key={"sku": found["sku"]})
        for item in stock.values():
            self.dynamodb.put_item(TableName=INVENTORY, Item=item)
        self._forget_open_orders()
        self._forget_failures()
        # New processes: the first call of each reads its secret, in every case alike.
        for name in ("dispatch", "payment", "fulfil", "replay", "alert"):
            self.functions.start_anew(name)

    def _forget_failures(self) -> None:
        for found in self.dynamodb.scan(TableName=FAILURES)["Items"]:
            self.dynamodb.delete_item(TableName=FAILURES, Key={"id": found["id"], "item": found["item"]})

    def _forget_open_orders(self) -> None:
        """Take the orders of a case that went wrong away: the watchdog would find them in the next."""
        for found in self.dynamodb.scan(TableName=ORDERS, IndexName="open_orders")["Items"]:
            key = {"order_id": found["order_id"], "item": found["item"]}
            self.dynamodb.delete_item(TableName=ORDERS, Key=key)
