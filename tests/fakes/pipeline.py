"""The real services over the fakes, put together once, as the handlers put them together on AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from lambdas.domain.catalogue import Product
from lambdas.domain.identifiers import ClientId, OrderId, RefundId
from lambdas.payment.once import Guard, GuardedAuthorisation, make_guard
from lambdas.services.authorise_payment import AuthorisePayment
from lambdas.services.cancel_order import CancelOrder
from lambdas.services.capture_payment import CapturePayment
from lambdas.services.claim_refund import ClaimRefund
from lambdas.services.fulfil_order import FulfilOrder
from lambdas.services.refund_order import RefundOrder
from lambdas.services.reject_order import RejectOrder
from lambdas.services.request_refund import RequestRefund
from lambdas.services.restock_refund import RestockRefund
from lambdas.services.submit_order import SubmitOrder
from lambdas.services.validate_order import ValidateOrder
from tests.fakes.clock import FakeClock
from tests.fakes.idempotency import FakeContext, InMemoryIdempotency
from tests.fakes.inventory import InMemoryInventory
from tests.fakes.orders import InMemoryJournal, InMemoryOrders
from tests.fakes.payments import GOOD_CARD, InMemoryPayments
from tests.fakes.queue import InMemoryQueue
from tests.fakes.refunds import InMemoryRefunds
from tests.fakes.warehouse import InMemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.domain.order import Order
    from lambdas.services.cancel_order import CancellationTaken

CLIENT: Final = ClientId("client-1")
CLAIM: Final = "execution-1"
CLAIM_SECONDS: Final = 240
STEPS: Final = {
    "validate": ("validate", None),
    "authorise": ("payment", "authorise"),
    "fulfil": ("fulfil", "fulfil"),
    "release": ("fulfil", "release"),
    "capture": ("payment", "capture"),
    "reject": ("payment", "reject"),
    "claim": ("validate", None),
    "refund": ("payment", "refund"),
    "restock": ("fulfil", "restock"),
}
TEA: Final = Product("TEA", "GBP", {"list": 450, "staff": 300}, tax_rate=2000, on_hand=100)
MUG: Final = Product("MUG", "GBP", {"list": 1000}, on_hand=5)
GIFT: Final = Product("GIFT", "GBP", {"list": 0}, on_hand=10)


@dataclass(slots=True)
class Pipeline:
    """Everything between the API's use case and the last step; a test reaches into any part."""

    clock: FakeClock = field(default_factory=FakeClock)
    orders: InMemoryOrders = field(default_factory=InMemoryOrders)
    payments: InMemoryPayments = field(default_factory=InMemoryPayments)
    warehouse: InMemoryWarehouse = field(default_factory=InMemoryWarehouse)
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    idempotency: InMemoryIdempotency = field(init=False)
    refunds: InMemoryRefunds = field(init=False)
    inventory: InMemoryInventory = field(init=False)
    journal: InMemoryJournal = field(init=False)
    submit: SubmitOrder = field(init=False)
    validate: ValidateOrder = field(init=False)
    authorise: AuthorisePayment = field(init=False)
    guarded: GuardedAuthorisation = field(init=False)
    fulfil: FulfilOrder = field(init=False)
    capture: CapturePayment = field(init=False)
    reject: RejectOrder = field(init=False)
    request_cancel: CancelOrder = field(init=False)
    request_refund: RequestRefund = field(init=False)
    claim_refund: ClaimRefund = field(init=False)
    refund: RefundOrder = field(init=False)
    restock: RestockRefund = field(init=False)

    def __post_init__(self) -> None:
        """Wire the services to the fakes."""
        orders, payments, now = self.orders, self.payments, self.clock
        self.idempotency = InMemoryIdempotency(now)
        self.refunds = refunds = InMemoryRefunds(orders)
        self.inventory = InMemoryInventory(orders, refunds)
        self.inventory.add(TEA, MUG, GIFT)
        self.journal = InMemoryJournal(orders, refunds)
        self.submit = SubmitOrder(self.inventory, orders, self.queue, now)
        self.validate = ValidateOrder(orders, self.inventory, CLAIM_SECONDS, now)
        self.authorise = AuthorisePayment(orders, payments, now)
        self.guarded = GuardedAuthorisation(orders, self.authorise, _guard(self.idempotency))
        self.fulfil = FulfilOrder(orders, self.inventory, self.warehouse, now)
        self.capture = CapturePayment(orders, self.journal, payments, now)
        self.reject = RejectOrder(orders, payments, now)
        self.request_cancel = CancelOrder(orders, self.queue, now)
        self.request_refund = RequestRefund(orders, refunds, self.queue, now)
        self.claim_refund = ClaimRefund(orders, refunds, CLAIM_SECONDS, now)
        self.refund = RefundOrder(orders, refunds, self.journal, payments, now)
        self.restock = RestockRefund(orders, refunds, self.inventory, now)

    def accept(
        self,
        key: str = "key-1",
        card: str | None = GOOD_CARD,
        goods: Mapping[str, int] | None = None,
        **quantities: int,
    ) -> OrderId:
        """Accept an order of SKUs, given as a mapping or by name (one TEA by default); return its id."""
        wanted = {**(goods or {}), **quantities} or {"TEA": 1}
        lines = [{"sku": sku, "quantity": n} for sku, n in wanted.items()]
        body = {"currency": "GBP", "lines": lines, **({"payment_method": card} if card else {})}
        return self.submit(CLIENT, key, body, may_choose_price=False).order.order_id

    def step(self, name: str, order_id: OrderId, claim: str = CLAIM, **facts: str) -> dict[str, Any]:
        """Run one of the workflow's steps by its name in the state machine, in lower case."""
        function, action = STEPS[name]
        event = {"order_id": order_id, "claim": claim, **({"action": action} if action else {}), **facts}
        return self.invoke(function, event)

    def cancel(self, order_id: OrderId, key: str = "cancel-1") -> CancellationTaken:
        """Ask for the order's end, as its client."""
        return self.request_cancel(CLIENT, order_id, key, {})

    def ask_refund(self, order_id: OrderId, key: str = "refund-1", **wish: Any) -> RefundId:
        """Ask for a refund of a completed order, as its client; all of it by default."""
        taken = self.request_refund(CLIENT, order_id, key, {"reason_code": "returned", **wish})
        return taken.refund.refund_id

    def bring_to(self, name: str, order_id: OrderId, claim: str = CLAIM) -> None:
        """Run the steps of a sale that come before the named one."""
        for earlier in ("validate", "authorise", "fulfil", "capture"):
            if earlier == name:
                return
            self.step(earlier, order_id, claim)

    def head(self, order_id: OrderId) -> Order:
        """Return the order's head."""
        return self.orders.head(order_id)

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Run a step as its handler does: JSON in and JSON out, exceptions as they come."""
        order_id, claim = OrderId(event["order_id"]), event["claim"]
        refund_id = RefundId(event.get("refund_id", ""))
        match function, event.get("action"):
            case "validate", None if refund_id:
                result = self.claim_refund(order_id, refund_id, claim)
            case "validate", None:
                result = self.validate(order_id, claim)
            case "payment", "authorise":
                result = self.guarded(order_id, claim, cast("LambdaContext", FakeContext()))
            case "payment", "capture":
                result = self.capture(order_id, claim)
            case "payment", "reject":
                result = self.reject(order_id, claim, event["reason"])
            case "fulfil", "fulfil":
                result = self.fulfil(order_id, claim)
            case "payment", "refund":
                result = self.refund(order_id, refund_id, claim)
            case "fulfil", "restock":
                result = self.restock(order_id, refund_id, claim)
            case "fulfil", "release":
                result = self.fulfil.release(order_id, claim, event["reason"])
            case unknown:
                raise KeyError(unknown)
        answer: dict[str, Any] = json.loads(json.dumps(result))
        return answer


def _guard(layer: InMemoryIdempotency) -> Guard:
    """Guard as production does, over another table."""
    config: IdempotencyConfig = make_guard("idempotency", object()).config
    return Guard(cast("DynamoDBPersistenceLayer", layer), config)
