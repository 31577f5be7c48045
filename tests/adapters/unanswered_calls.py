"""Every call of the payment provider and the warehouse, and how an order comes to it: the table's rows.

The services are the real ones; between them and the provider is the real adapter and HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from lambdas.adapters.http_warehouse import HttpWarehouse
from lambdas.adapters.stripe_api import PooledHttpClient, StripeApi
from lambdas.adapters.stripe_payments import StripePayments
from lambdas.domain.commands import process_command, refund_command
from lambdas.domain.errors import TransientError, WarehouseUnavailable
from lambdas.services.authorise_payment import AuthorisePayment
from lambdas.services.capture_payment import CapturePayment
from lambdas.services.fulfil_order import FulfilOrder
from lambdas.services.refund_order import RefundOrder
from lambdas.services.reject_order import RejectOrder
from tests.adapters.payments import API_KEY, secret_of
from tests.adapters.unanswered import ENDINGS, Ending
from tests.fakes.payments import DECLINED_CARD, GOOD_CARD
from tests.fakes.pipeline import CLAIM, Pipeline
from tests.fakes.state_machine import definition
from tests.properties.walk import Bus, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.domain.commands import Command
    from lambdas.domain.identifiers import OrderId
    from lambdas.domain.workflow import Execution
    from orders.local.standins.remote import RemoteControl
    from tests.adapters.unanswered import Wire

TOTAL: Final = 450  # one TEA
AUTHORISATION_DAYS: Final = 7
MORE_THAN_THERE_IS: Final = 1000
RESET_BEFORE: Final = next(ending for ending in ENDINGS if ending.name == "reset before")
RESET_AFTER: Final = next(ending for ending in ENDINGS if ending.name == "reset after")


@dataclass(slots=True)
class Shop:
    """One order between the real services and a stand-in over HTTP."""

    pipeline: Pipeline
    wire: Wire
    control: RemoteControl
    order_id: OrderId = field(init=False)

    def accept(self, card: str = GOOD_CARD, quantity: int = 1) -> Command:
        """Accept an order of tea and claim it."""
        self.order_id = self.pipeline.accept(card=card, TEA=quantity)
        self.pipeline.step("validate", self.order_id)
        return process_command(self.order_id)

    def steps(self, *names: str) -> None:
        """Run steps that work."""
        for name in names:
            self.pipeline.step(name, self.order_id)

    def fail(self, step: str, error: type[Exception], facts: Mapping[str, str]) -> None:
        """Run a step that fails."""
        with pytest.raises(error):
            self.pipeline.step(step, self.order_id, **facts)
        assert self.wire.disturbed

    def retry(self, step: str, facts: Mapping[str, str]) -> None:
        """Run the step again as often as the definition does."""
        (retrier,) = definition()["States"][step.capitalize()]["Retry"]
        for _ in range(retrier["MaxAttempts"] - 1):
            try:
                self.pipeline.step(step, self.order_id, **facts)
            except TransientError:
                continue
            return
        self.pipeline.step(step, self.order_id, **facts)

    def give_back(self) -> None:
        """End the execution, as dispatch does when it failed."""
        self.pipeline.orders.give_back(self.order_id, CLAIM, self.pipeline.clock.text, None)

    def deliver(self, command: Command, name: str) -> Execution:
        """Run an execution to its end, with the retries that the definition gives each step."""
        return Walk(self.pipeline, Bus(), command, name).finish()


def shop_at_provider(url: str, wire: Wire, control: RemoteControl) -> Shop:
    """The services over Stripe's official library."""
    shop = Pipeline()
    payments = StripePayments(StripeApi(secret_of(API_KEY), url, PooledHttpClient(wire)))
    orders, journal, now = shop.orders, shop.journal, shop.clock
    shop.authorise = AuthorisePayment(orders, payments, now)
    shop.guarded = replace(shop.guarded, authorise=shop.authorise)
    shop.capture = CapturePayment(orders, journal, payments, now)
    shop.reject = RejectOrder(orders, payments, now)
    shop.refund = RefundOrder(orders, shop.refunds, journal, payments, now)
    return Shop(shop, wire, control)


def shop_at_warehouse(url: str, wire: Wire, control: RemoteControl) -> Shop:
    """The services over the warehouse's API."""
    shop = Pipeline()
    warehouse = HttpWarehouse(secret_of("token"), url, wire)
    shop.fulfil = FulfilOrder(shop.orders, shop.inventory, warehouse, shop.clock)
    return Shop(shop, wire, control)


@dataclass(frozen=True, slots=True)
class End:
    """Where an order ends; `captured` and `refunded` are what the provider says, in minor units."""

    status: str
    payment: str
    reason: str | None = None
    captured: int = 0
    refunded: int = 0


SOLD: Final = End("completed", "captured", captured=TOTAL)
GIVEN_BACK: Final = End("completed", "refunded", captured=TOTAL, refunded=TOTAL)
OUT_OF_STOCK: Final = End("rejected", "voided", "out_of_stock")
DECLINED: Final = End("rejected", "declined", "payment_declined:generic_decline")
EXPIRED: Final = End("rejected", "expired", "authorization_expired")
UNPAID: Final = End("attention_required", "authorized", "canceled_after_reservation")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a port, as the provider sees it, in the step that makes it.

    `bring` brings an order there. `end` is where it ends, whatever became of the call. By whether the call
    happened, `late_end` is where else when the order is replayed after seven days: held money is free.
    """

    name: str
    port_method: str
    method: str
    path: str
    step: str
    bring: Callable[[Shop], Command]
    end: End
    late_end: Mapping[bool, End] = field(default_factory=dict)
    facts: Callable[[Command], dict[str, str]] = lambda _command: {}
    keyed: bool = True

    def end_after(self, ending: Ending, days: int) -> End:
        """Where the order ends when the next try comes after so many days, 0 for a retry of the step."""
        return self.late_end.get(ending.happened, self.end) if days >= AUTHORISATION_DAYS else self.end


INTENT: Final = "/v1/payment_intents"


def _brought(*steps: str, **order: Any) -> Callable[[Shop], Command]:
    def bring(shop: Shop) -> Command:
        command = shop.accept(**order)
        shop.steps(*steps)
        return command

    return bring


def _captured_unheard(shop: Shop) -> Command:
    """The capture worked and nobody heard of it; its key is forgotten since."""
    command = _brought("authorise", "fulfil")(shop)
    shop.wire.disturb("POST", f"{INTENT}/*/capture", RESET_AFTER)
    with pytest.raises(Exception, match="no answer"):
        shop.pipeline.step("capture", shop.order_id)
    shop.control.call("DELETE", "idempotency-keys")
    return command


def _refund(shop: Shop) -> Command:
    _brought("authorise", "fulfil", "capture")(shop)
    refund_id = shop.pipeline.ask_refund(shop.order_id)
    command = refund_command(shop.order_id, refund_id)
    shop.pipeline.step("claim", shop.order_id, refund_id=refund_id)
    return command


def _refund_id(command: Command) -> dict[str, str]:
    return {"refund_id": command["refund_id"]}


PAYMENT_CALLS: Final = (
    Call("create", "create", "POST", INTENT, "authorise", _brought(), SOLD),
    Call(
        "confirm",
        "confirm",
        "POST",
        f"{INTENT}/*/confirm",
        "authorise",
        _brought(),
        SOLD,
        late_end={True: EXPIRED},
    ),
    Call(
        "find what was authorised",
        "find",
        "GET",
        f"{INTENT}/*",
        "authorise",
        _brought("authorise"),
        SOLD,
        late_end={True: EXPIRED, False: EXPIRED},
        keyed=False,
    ),
    Call(
        "find what was declined",
        "find",
        "GET",
        f"{INTENT}/*",
        "authorise",
        _brought(card=DECLINED_CARD),
        DECLINED,
        keyed=False,
    ),
    Call(
        "find what was captured",
        "find",
        "GET",
        f"{INTENT}/*",
        "capture",
        _captured_unheard,
        SOLD,
        keyed=False,
    ),
    Call(
        "capture",
        "capture",
        "POST",
        f"{INTENT}/*/capture",
        "capture",
        _brought("authorise", "fulfil"),
        SOLD,
        late_end={False: UNPAID},
    ),
    Call(
        "void",
        "void",
        "POST",
        f"{INTENT}/*/cancel",
        "reject",
        _brought("authorise", "fulfil", quantity=MORE_THAN_THERE_IS),
        OUT_OF_STOCK,
        facts=lambda _command: {"reason": "out_of_stock"},
    ),
    Call("refund", "refund", "POST", "/v1/refunds", "refund", _refund, GIVEN_BACK, facts=_refund_id),
    Call(
        "find a refund",
        "find_refund",
        "GET",
        "/v1/refunds",
        "refund",
        _refund,
        GIVEN_BACK,
        facts=_refund_id,
        keyed=False,
    ),
)


def _reserved(shop: Shop) -> Command:
    """The goods are held, as the step does before it has them shipped."""
    command = _brought("authorise")(shop)
    pipeline, head = shop.pipeline, shop.pipeline.head(shop.order_id)
    pipeline.inventory.reserve(head, pipeline.orders.lines_of(head), CLAIM, pipeline.clock.text)
    return command


def _cancelled(disturbance: Ending) -> Callable[[Shop], Command]:
    """The client cancels while nobody knows whether the shipment was booked."""

    def bring(shop: Shop) -> Command:
        command = _brought("authorise")(shop)
        shop.wire.disturb("PUT", "/shipments/*", disturbance)
        with pytest.raises(WarehouseUnavailable):
            shop.steps("fulfil")
        shop.pipeline.cancel(shop.order_id)
        return command

    return bring


SHIPMENT: Final = "/shipments/*"
CANCELLED: Final = End("cancelled", "voided", "customer_request")
SHIPMENT_CALLS: Final = (
    Call("ship", "ship", "PUT", SHIPMENT, "fulfil", _reserved, SOLD),
    Call("cancel", "cancel", "DELETE", SHIPMENT, "fulfil", _cancelled(RESET_BEFORE), CANCELLED),
    Call("cancel too late", "cancel", "DELETE", SHIPMENT, "fulfil", _cancelled(RESET_AFTER), SOLD),
)
