"""What can happen to an order, as parts that scenarios are made of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lambdas.adapters.dynamodb.attributes import to_item
from lambdas.adapters.dynamodb.claims import DynamoOrderStore
from lambdas.domain.catalogue import Product
from lambdas.domain.identifiers import OrderId
from lambdas.domain.timestamps import to_text
from orders.local.standins.faults import Fault as StandInFault
from orders.local.standins.faults import FaultKind
from tests.adapters.tables import INVENTORY, ORDERS
from tests.faults.faults import Fault, Lasts, Seen
from tests.faults.wire import Accident
from tests.faults.world import GOOD_CARD, TWO_TEAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orders.local.standins.standin import StandIn
    from tests.faults.world import World

    Part = Callable[[World], object]

CONFIRM: Final = "POST /v1/payment_intents/*/confirm"
SHIP: Final = "PUT /shipments/*"
RESERVE: Final = "TransactWriteItems"
BOOK: Final = "ExecuteTransaction"

KILLED: Final = Fault("killed after", Seen.NOTHING_EVER, happened=True)
LOST: Final = Fault("answer lost", Seen.NO_ANSWER, happened=True, lasts=Lasts.ONE_CALL)
LOST_ONCE: Final = Fault("answer lost once", Seen.NO_ANSWER, happened=True)
CONFLICT: Final = Fault("transaction conflict", Seen.CONFLICT, happened=False)

# One more than a transaction takes beside the order's head.
MANY_SKUS: Final = 100
MANY: Final = {f"SKU-{n:03d}": 1 for n in range(MANY_SKUS)}
ALL_LINES: Final = [{"line": n, "quantity": 1} for n in range(1, MANY_SKUS + 1)]
DAY_SECONDS: Final = 86_400
OTHERS_CLAIM_SECONDS: Final = 900
# Whoever was handed back once is looked at again after twice the time of 30 minutes.
ROUNDS_OF_WATCHING: Final = 2
BETWEEN_ROUNDS_SECONDS: Final = 7_200


def nothing(_world: World) -> None:
    """Let nothing happen."""


def then(*parts: Part) -> Part:
    """One part after the other."""

    def part(world: World) -> None:
        for each in parts:
            each(world)

    return part


def settle(world: World) -> None:
    """Let everybody do what is left to do."""
    world.settle()


def submitted(goods: Mapping[str, int] = TWO_TEAS, card: str | None = GOOD_CARD) -> Part:
    """An order is accepted and its message waits."""
    return lambda world: world.submit(goods, card)


def completed(goods: Mapping[str, int] = TWO_TEAS) -> Part:
    """An order is sold."""
    return then(submitted(goods), settle)


def killed_after(operation: str, goods: Mapping[str, int] = TWO_TEAS) -> Part:
    """The first delivery of an order is killed right after an operation had its effect."""

    def part(world: World) -> None:
        world.submit(goods)
        world.wire.accidents.append(Accident(operation, KILLED))
        world.deliver()
        assert not world.wire.accidents, f"{operation} is never called"

    return part


def with_accident(operation: str, fault: Fault) -> Part:
    """Let something go wrong in the scenario itself, besides any fault of the matrix."""
    return lambda world: world.wire.accidents.append(Accident(operation, fault))


def cancel(world: World) -> None:
    """The client wants the order no more."""
    world.ask("POST /v1/orders/{order_id}/cancel", "cancel-1", {}, order_id=world.order_id)


def refund(key: str = "refund-1", **wish: object) -> Part:
    """The client wants money back; all of it by default."""
    body = {"reason_code": "returned", **wish}
    route = "POST /v1/orders/{order_id}/refunds"
    return lambda world: world.ask(route, key, body, order_id=world.order_id)


def read(world: World) -> None:
    """The client looks at all that it can look at."""
    path = {"order_id": world.order_id}
    world.ask("GET /v1/orders", "", None)
    world.ask("GET /v1/orders/{order_id}", "", None, **path)
    (found,) = world.ask("GET /v1/orders/{order_id}/refunds", "", None, **path)["refunds"]
    one = {**path, "refund_id": found["refund_id"]}
    world.ask("GET /v1/orders/{order_id}/refunds/{refund_id}", "", None, **one)


def offer_many(world: World) -> None:
    """The shop has more products than a transaction takes."""
    world.stock(*[Product(sku, "GBP", {"list": 100}, on_hand=3) for sku in MANY])


def withdraw(world: World) -> None:
    """A product is sold no more."""
    with world.wire.aside():
        world.aws.client("dynamodb").delete_item(TableName=INVENTORY, Key=to_item({"sku": "TEA"}))


def refuse_shipments(world: World) -> None:
    """The warehouse does not send a product."""
    world.outside.tell(world.outside.warehouse, "POST", "refusals", b'{"sku": "TEA"}')


def dispute(world: World) -> None:
    """The customer disputes the payment, which forbids refunds."""
    body = json.dumps({"payment_intent": _intent_id(world)}).encode()
    world.outside.tell(world.outside.provider, "POST", "disputes", body)


def void_by_hand(world: World) -> None:
    """Somebody gives the money free in the provider's dashboard."""
    payments = world.workers.modules["payment"].steps.authorise.authorise.payments
    with world.wire.aside():
        payments.void(world.order_id, _intent_id(world), 99)


def refuse_keys(world: World) -> None:
    """The provider refuses our key, until an operator has seen to it."""
    world.outside.provider.credentials.accept_only(["another"])


def lose_messages(world: World) -> None:
    """All messages are gone, as after four days on the queue."""
    world.aws.messages().clear()


def days_pass(days: float) -> Part:
    """Let time pass."""
    return lambda world: world.time.sleep(days * DAY_SECONDS)


def watch(world: World) -> None:
    """The watchdog's schedule comes round, and round again, and what it sends is delivered."""
    for _ in range(ROUNDS_OF_WATCHING):
        world.time.sleep(BETWEEN_ROUNDS_SECONDS)
        world.run_schedule("watchdog")
        world.settle()


def leave_a_round(world: World) -> None:
    """An earlier run of the watchdog has not come to its end."""
    end = to_text(world.time.clock())
    item = {"order_id": "watchdog", "item": "ROUND", "start": "2026-01-01T00:00:00.000Z", "end": end}
    with world.wire.aside():
        world.aws.client("dynamodb").put_item(TableName=ORDERS, Item=to_item(item))


def claimed_by_another(world: World) -> None:
    """An execution of which nobody hears has claimed the order, for longer than four receives take."""
    now = world.time.clock()
    until = int(now.timestamp()) + OTHERS_CLAIM_SECONDS
    with world.wire.aside():
        orders = DynamoOrderStore(world.aws.client("dynamodb"), ORDERS)
        orders.claim(OrderId(world.order_id), "another", until, to_text(now))


def warehouse_down(calls: int) -> Part:
    """So many calls of the warehouse are answered with 503."""
    return _failing(lambda world: world.outside.warehouse, status=503, count=calls)


def confirmation_fails(world: World) -> None:
    """The provider answers one confirmation with a 500, which it keeps under the key."""
    path = "/v1/payment_intents/*/confirm"
    _failing(lambda world: world.outside.provider, status=500, path=path)(world)


def junk(world: World) -> None:
    """Somebody sends what is no command."""
    with world.wire.aside():
        world.aws.client("sqs").send_message(QueueUrl=world.aws.queue_url, MessageBody="hello")


def refund_beside(world: World) -> None:
    """While a refund is about to be written, the client asks for another one."""
    another = refund("refund-2", amount=1)
    at_the_write = Accident("TransactWriteItems", None, "payment", happening=lambda: another(world))
    world.wire.accidents.append(at_the_write)


def _failing(
    stand_in: Callable[[World], StandIn], *, status: int, count: int = 1, path: str | None = None
) -> Part:
    rule = StandInFault(FaultKind.ERROR_BEFORE, count, status=status, path=path)
    return lambda world: stand_in(world).faults.add(replace(rule))


def _intent_id(world: World) -> str:
    (intent,) = world.outside.tell(world.outside.provider, "GET", "intents")["intents"]
    return str(intent["id"])
