"""A shop of the matrix: the pipeline's functions over a world in process, and everybody who drives them.

The client repeats a request until it is answered, the event source receives until the queue is empty, an
operator replays dead letters, and the schedule of the watchdog comes round.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.catalogue import product_to_item
from lambdas.adapters.dynamodb.failure_items import RECORD, failure_from_item
from lambdas.adapters.dynamodb.failure_records import DynamoFailures
from lambdas.domain.catalogue import Product
from lambdas.domain.commands import REPLAY
from lambdas.domain.failure import Failure, FailureState
from lambdas.domain.identifiers import PlanId
from lambdas.domain.timestamps import to_text
from tests.adapters.tables import FAILURES, INVENTORY
from tests.faults.aws import DEAD, Aws
from tests.faults.clock import StoppedTime
from tests.faults.faults import FunctionEnded, Killed
from tests.faults.outside import Outside
from tests.faults.wire import Wire
from tests.faults.workers import Workers, new_request_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pytest

    from stacks.timeouts import FunctionName

GOOD_CARD: Final = "pm_card_visa"
TWO_TEAS: Final = MappingProxyType({"TEA": 2})
CLIENT: Final = "client-1"
SCOPES: Final = "orders:refund"
# More than any order needs, fewer than a loop that does not end would make.
MOST_ROUNDS: Final = 200
MOST_REQUESTS: Final = 8
# An open breaker pages by its alarm: so long after it somebody has seen to whatever keeps it open.
HEARD_SECONDS: Final = 3_600
# One, and another where the fault came upon the first.
MOST_REPLAYS: Final = 1
# What one run of the schedule cannot tell the pager, the next one does.
ALERTS: Final = 2
PRODUCTS: Final = (
    Product("TEA", "GBP", {"list": 450}, tax_rate=2000, on_hand=100),
    Product("MUG", "GBP", {"list": 1000}, on_hand=5),
    Product("GIFT", "GBP", {"list": 0}, on_hand=10),
)
_SYSTEM_ATTRIBUTES: Final = ["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"]


class Unsettled(AssertionError):
    """Something goes on for ever."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A whole world as it was."""

    aws: Any
    outside: Any
    at: datetime
    answers: tuple[Any, ...]
    order_id: str


@dataclass(slots=True)
class World:
    """Everything. `answers` are the last ones that the client got to each of its requests."""

    wire: Wire
    time: StoppedTime
    aws: Aws
    outside: Outside
    workers: Workers
    answers: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    replayed: int = 0
    batch: int = 10
    """How many messages the event source receives at once."""
    request: tuple[str, str, object, dict[str, str]] | None = None
    """What the client asked last."""
    received: dict[str, Any] | None = None
    """What the event source of the orders queue received last."""
    order_id: str = ""
    """The order that was submitted last."""

    @classmethod
    def build(cls, patch: pytest.MonkeyPatch) -> Self:
        """Put everything together; `close` ends it."""
        wire, time = Wire(), StoppedTime()
        aws, outside = Aws(wire), Outside.open()
        workers = Workers(wire, aws, outside, time)
        workers.load(patch)
        aws.run_workflow = workers.run_workflow
        world = cls(wire, time, aws, outside, workers)
        world.stock(*PRODUCTS)
        return world

    def close(self) -> None:
        """End it."""
        self.workers.unload()
        self.outside.close()

    def stock(self, *products: Product) -> None:
        """Offer products."""
        for product in products:
            self.aws.client("dynamodb").put_item(TableName=INVENTORY, Item=product_to_item(product))

    def save(self) -> Saved:
        """Copy the world."""
        return Saved(
            self.aws.snapshot(),
            self.outside.snapshot(),
            self.time.clock(),
            tuple(self.answers),
            self.order_id,
        )

    def restore(self, saved: Saved) -> None:
        """Go back, with workers as new and nothing planned."""
        self.aws.restore(saved.aws)
        self.outside.restore(saved.outside)
        self.outside.calm()
        self.time.clock.moment = saved.at
        self.answers, self.order_id = list(saved.answers), saved.order_id
        self.replayed, self.batch, self.request, self.received = 0, 10, None, None
        self.wire.begin()
        self.workers.restart()

    def ask(self, route: str, key: str, body: object, **path: str) -> dict[str, Any]:
        """Send a request as a client does: again under its key, until an answer says that it is no use."""
        self.request = route, key, body, path
        for _ in range(MOST_REQUESTS):
            try:
                response = self.workers.invoke("ingest", _request(route, key, body, path))
            except (Killed, FunctionEnded):
                self.workers.restart()
                continue  # API Gateway answers 500
            status, answer = response["statusCode"], json.loads(response["body"])
            assert status < 400 or status >= 500, answer
            if status < 500:
                self.answers.append((route, status, answer))
                return dict(answer)
            self.time.sleep(2)
        raise Unsettled(f"{route} is never answered")

    def submit(self, goods: Mapping[str, int] = TWO_TEAS, card: str | None = GOOD_CARD) -> str:
        """Submit an order; return its id."""
        lines = [{"sku": sku, "quantity": n} for sku, n in goods.items()]
        body = {"currency": "GBP", "lines": lines, **({"payment_method": card} if card else {})}
        self.order_id = str(self.ask("POST /v1/orders", "order-1", body)["order_id"])
        return self.order_id

    def settle(self) -> None:
        """Deliver, drain, let time pass and replay, until nothing is left to do."""
        began = self.time.time()
        for _ in range(MOST_ROUNDS):
            if self.time.time() - began > HEARD_SECONDS:
                self.outside.calm()
            if self._receive(self.aws.queue_url, "dispatch") or self._receive(self.aws.dead_url, "replay"):
                continue
            messages = [*self.aws.messages(), *self.aws.messages(DEAD)]
            if messages:
                next_one = min(message["visible_at"] for message in messages)
                self.time.sleep(max(0.0, next_one - self.time.time()) + 0.001)
            elif not self._replay():
                break
        else:
            raise Unsettled("the queue is never empty")
        if any(self.aws.items(FAILURES)):
            for _ in range(ALERTS):
                self.run_schedule("alert")

    def deliver(self) -> bool:
        """Let the event source receive once; tell whether there was anything to do."""
        return self._receive(self.aws.queue_url, "dispatch")

    def _receive(self, queue_url: str, function: FunctionName) -> bool:
        try:
            with self.wire.on_behalf_of("event source"):
                return self._poll(queue_url, function)
        except (Killed, FunctionEnded):
            self.workers.restart()
        except self.workers.modules["replay"].NothingDrained:
            pass  # the letters come back after their visibility timeout
        return True

    def _poll(self, queue_url: str, function: FunctionName) -> bool:
        queues = self.aws.client("sqs", attempts=1)
        try:
            answer = queues.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=self.batch,
                MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
            )
        except (BotoCoreError, ClientError):
            return True
        messages = answer.get("Messages", [])
        if not messages:
            return False
        if function == "dispatch":
            self.wire.redelivered()
            self.received = messages[0]
        report = self.workers.invoke(function, {"Records": [_record(message) for message in messages]})
        kept = {item["itemIdentifier"] for item in report["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in kept:
                # It comes again, if its deletion does not work.
                with suppress(BotoCoreError, ClientError):
                    queues.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _replay(self) -> bool:
        """Send what failed again, as an operator does when what was wrong is mended; tell whether any did."""
        if self.replayed >= MOST_REPLAYS and not self.wire.failing:
            return False
        self.replayed += 1
        self.wire.mend()
        self.outside.calm()
        self.time.sleep(3600)
        sent = False
        for failure in self.failures():
            if failure.state is FailureState.OPEN and failure.body:
                self._send_again(failure, PlanId(f"plan-{self.replayed}"))
                sent = True
        return sent

    def _send_again(self, failure: Failure, plan_id: PlanId) -> None:
        replaying = replace(
            failure,
            state=FailureState.REPLAYING,
            plan_id=plan_id,
            applies=failure.applies + 1,
            replayed_at=to_text(self.time.clock()),
            revision=failure.revision + 1,
        )
        body = json.dumps({**json.loads(failure.body), REPLAY: plan_id})
        group = {"MessageGroupId": failure.group} if failure.group else {}
        with self.wire.aside():
            assert DynamoFailures(self.aws.client("dynamodb"), FAILURES).save(failure, replaying)
            self.aws.client("sqs").send_message(QueueUrl=self.aws.queue_url, MessageBody=body, **group)

    def failures(self) -> list[Failure]:
        """Return the failures that are recorded."""
        items = self.aws.items(FAILURES)
        return [failure_from_item(item) for item in items if item["item"]["S"] == RECORD]

    def ask_again(self) -> None:
        """Let the client's last request come a second time, at once with the first; once, whatever comes."""
        assert self.request
        route, key, body, path = self.request
        self.workers.invoke("ingest", _request(route, key, body, path))

    def deliver_again(self) -> None:
        """Let the message that was received last come a second time, and be dispatched to the end."""
        assert self.received
        batch, self.batch = self.batch, 1
        with self.wire.aside():
            self.aws.repeat(self.received["MessageId"], self.received["Body"])
        self.deliver()
        self.batch = batch

    def run_schedule(self, function: FunctionName) -> None:
        """Let a function's schedule come round until a run does not fail."""
        for _ in range(MOST_REQUESTS):
            self.time.sleep(300)
            try:
                if self.run_once(function):
                    return
            except (Killed, FunctionEnded):
                self.workers.restart()
        raise Unsettled(f"{function} never gets through")

    def run_once(self, function: FunctionName) -> bool:
        """Run a function of a schedule; tell whether it did not fail."""
        module = self.workers.modules[function]
        incomplete = module.WatchIncomplete if function == "watchdog" else module.ReconciliationIncomplete
        try:
            self.workers.invoke(function, {})
        except incomplete:
            return False
        return True


def _request(route: str, key: str, body: object, path: dict[str, str]) -> dict[str, Any]:
    return {
        "routeKey": route,
        "headers": {
            "x-orders-client": CLIENT,
            "x-orders-scopes": SCOPES,
            "content-type": "application/json",
            "idempotency-key": key,
        },
        "pathParameters": path,
        **({} if body is None else {"body": json.dumps(body)}),
        "requestContext": {"requestId": new_request_id()},
    }


def _record(message: dict[str, Any]) -> dict[str, Any]:
    """Turn a received message into a record of the event that Lambda makes of it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }
