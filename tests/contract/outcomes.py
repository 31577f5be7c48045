"""Every way in which the real steps end an order or a refund, and the events that are published then."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.cancellation import CANCEL_CODES
from lambdas.domain.commands import read_command
from lambdas.domain.refund import REASON_CODES
from lambdas.domain.transitions import abandoned, expiry_requested
from tests.fakes.payments import DECLINED_CARD, POOR_CARD, SECURED_CARD, UNKNOWN_CARD
from tests.fakes.pipeline import CLAIM, CLIENT, Pipeline
from tests.properties.walk import Bus, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId

Event = dict[str, Any]


@dataclass(slots=True)
class Shop:
    """A pipeline whose messages are carried out by the definition as it is deployed."""

    pipeline: Pipeline = field(default_factory=Pipeline)
    bus: Bus = field(default_factory=Bus)

    @property
    def events(self) -> list[Event]:
        """What was published."""
        return self.bus.events

    def work(self) -> None:
        """Carry out what is on the queue."""
        sent = self.pipeline.queue.sent
        while sent:
            command = read_command(sent.pop(0).body)
            assert command is not None
            Walk(self.pipeline, self.bus, command, f"execution-{uuid.uuid4()}").finish()

    def start(self, step: str, **wish: Any) -> OrderId:
        """Accept an order and bring it to a step, before which its execution dies."""
        order_id = self.pipeline.accept(**wish)
        self.pipeline.bring_to(step, order_id)
        self.pipeline.orders.give_back(order_id, CLAIM, self.pipeline.clock.text, None)
        return order_id

    def reserve(self) -> OrderId:
        """Accept an order and hold its goods; its execution dies before it asks for the shipment."""
        order_id = self.pipeline.accept(key="reserved")
        self.pipeline.bring_to("fulfil", order_id)
        head, at = self.pipeline.head(order_id), self.pipeline.clock.text
        assert self.pipeline.inventory.reserve(head, head.lines or (), CLAIM, at) is None
        self.pipeline.orders.give_back(order_id, CLAIM, at, None)
        return order_id

    def expire(self, order_id: OrderId) -> None:
        """Do as the watchdog does with an authorisation that gets too old."""
        pipeline = self.pipeline
        assert pipeline.orders.amend(expiry_requested(pipeline.head(order_id), pipeline.clock.text))
        pipeline.queue.send_process(order_id, CLIENT)

    def give_up(self, order_id: OrderId) -> None:
        """Do as an operator does who gives an order up."""
        pipeline = self.pipeline
        assert pipeline.orders.amend(abandoned(pipeline.head(order_id), pipeline.clock.text))
        pipeline.queue.send_process(order_id, CLIENT)

    def sell(self, **wish: Any) -> OrderId:
        """Complete an order."""
        order_id = self.pipeline.accept(**wish)
        self.work()
        return order_id


def sold(shop: Shop) -> None:
    shop.sell()


def given_away(shop: Shop) -> None:
    shop.sell(card=None, GIFT=1)


def declined(shop: Shop) -> None:
    for number, card in enumerate((DECLINED_CARD, POOR_CARD, SECURED_CARD, UNKNOWN_CARD)):
        shop.sell(key=f"declined-{number}", card=card)


def withdrawn(shop: Shop) -> None:
    shop.pipeline.accept(key="to pay")
    shop.pipeline.accept(key="nothing to pay", card=None, GIFT=1)
    shop.pipeline.inventory.stored.clear()
    shop.work()


def out_of_stock(shop: Shop) -> None:
    shop.sell(key="to pay", MUG=6)
    shop.sell(key="nothing to pay", card=None, GIFT=11)


def not_shipped(shop: Shop) -> None:
    shop.pipeline.warehouse.refused_skus |= {"MUG", "GIFT"}
    shop.sell(key="to pay", MUG=1)
    shop.sell(key="nothing to pay", card=None, GIFT=1)


def expired(shop: Shop) -> None:
    order_id = shop.start("fulfil")
    shop.pipeline.payments.expire(shop.pipeline.payments.intent_of(order_id).intent_id)
    shop.work()


def expiring(shop: Shop) -> None:
    for order_id in (shop.start("fulfil", key="before the reservation"), shop.reserve()):
        shop.expire(order_id)
        shop.work()


def given_up(shop: Shop) -> None:
    for order_id in (shop.start("fulfil", key="before the reservation"), shop.reserve()):
        shop.give_up(order_id)
        shop.work()


def cancelled(shop: Shop) -> None:
    for code in CANCEL_CODES:
        order_id = shop.pipeline.accept(key=f"cancelled: {code}")
        shop.pipeline.request_cancel(CLIENT, order_id, "cancel", {"reason_code": code})
    shop.pipeline.cancel(shop.pipeline.accept(key="nothing to pay", card=None, GIFT=1))
    shop.work()


def cancelled_after_the_reservation(shop: Shop) -> None:
    shop.pipeline.cancel(shop.reserve())
    shop.work()


def refunded(shop: Shop) -> None:
    for code in REASON_CODES:
        order_id = shop.sell(key=f"refunded: {code}", TEA=2)
        shop.pipeline.ask_refund(order_id, key="part", amount=450, reason_code=code)
        shop.work()
        shop.pipeline.ask_refund(order_id, key="rest", reason_code=code, restock=True)
        shop.work()


WAYS: Final[tuple[Callable[[Shop], None], ...]] = (
    sold,
    given_away,
    declined,
    withdrawn,
    out_of_stock,
    not_shipped,
    expired,
    expiring,
    given_up,
    cancelled,
    cancelled_after_the_reservation,
    refunded,
)
