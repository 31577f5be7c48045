"""What clients do by chance: they order, order again under the same key, cancel, and want money back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.catalogue import Product
from lambdas.domain.errors import TransientError
from lambdas.domain.order import Status
from lambdas.domain.request_body import InvalidBody
from lambdas.services.request_errors import RequestConflict
from tests.fakes.payments import (
    DECLINED_CARD,
    GOOD_CARD,
    HANGS_AFTER_CHARGE_CARD,
    POOR_CARD,
    SECURED_CARD,
    STALE_KEY_CARD,
    UNKNOWN_CARD,
    UNKNOWN_OUTCOME_CARD,
)
from tests.fakes.pipeline import CLIENT
from tests.fakes.provider_refunds import refused_with
from tests.properties.walk import FunctionTimedOut
from tests.properties.wishes import Wish

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from lambdas.domain.identifiers import OrderId
    from tests.fakes.pipeline import Pipeline
    from tests.properties.traffic.turns import Turns

CARDS: Final = {
    GOOD_CARD: 12,
    DECLINED_CARD: 1,
    POOR_CARD: 1,
    SECURED_CARD: 1,
    UNKNOWN_CARD: 1,
    UNKNOWN_OUTCOME_CARD: 2,
    HANGS_AFTER_CHARGE_CARD: 2,
    STALE_KEY_CARD: 2,
}
ACTS: Final = {"order": 20, "order_again": 2, "cancel": 4, "refund": 7, "ask_again": 3, "disturb": 2}
# How many may be seen on the queue before clients wait.
BACKLOG: Final = 60
FRAGILE: Final = "GLASS"
SCARCE: Final = ("LAMP", "KANNE")
# Calls at the provider whose failure it saves and replays.
SAVED: Final = ("create", "confirm", "capture", "void", "refund")


def catalogue(plenty: int, few: int) -> dict[str, tuple[Product, ...]]:
    """Products by currency: gifts for nothing in each, and some of which there are few."""
    return {
        "GBP": (
            Product("TEA", "GBP", {"list": 450}, 2000, plenty),
            Product("MUG", "GBP", {"list": 1000}, 500, plenty),
            Product("GIFT", "GBP", {"list": 0}, 0, plenty),
            Product(FRAGILE, "GBP", {"list": 799}, 2000, plenty),
            Product("LAMP", "GBP", {"list": 2500}, 2000, few),
        ),
        "EUR": (
            Product("TASSE", "EUR", {"list": 890}, 1900, plenty),
            Product("GRATIS", "EUR", {"list": 0}, 0, plenty),
            Product("KANNE", "EUR", {"list": 3490}, 1900, few),
        ),
        "JPY": (
            Product("WAN", "JPY", {"list": 1200}, 1000, plenty),
            Product("OMAKE", "JPY", {"list": 0}, 0, plenty),
        ),
    }


@dataclass(slots=True)
class Shop:
    """Clients of the API. Each request that is not answered is sent again, or given up now and then."""

    pipeline: Pipeline
    turns: Turns
    chance: random.Random
    products: dict[str, tuple[Product, ...]]
    bodies: list[dict[str, Any]] = field(default_factory=list)
    accepted: list[OrderId] = field(default_factory=list)
    wishes: list[tuple[Wish, OrderId]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)

    def act(self) -> None:
        """Do one thing."""
        kind = self.chance.choices(list(ACTS), list(ACTS.values()))[0]
        if kind == "order" or not self.accepted:
            self._order()
        elif kind == "order_again":
            self._submit(self.chance.randrange(len(self.bodies)))
        elif kind == "cancel":
            self._wish("cancel", self.chance.choice(self.accepted[-20:]))
        elif kind == "refund":
            self._refund()
        elif kind == "ask_again" and self.wishes:
            self._send(*self.chance.choice(self.wishes[-50:]))
        else:
            self._disturb()

    def _order(self) -> None:
        currency = self.chance.choice(list(self.products))
        choice = [product.sku for product in self.products[currency]]
        skus = self.chance.sample(choice, self.chance.randint(1, min(4, len(choice))))
        lines = [{"sku": sku, "quantity": self.chance.randint(1, 4)} for sku in skus]
        card = self.chance.choices(list(CARDS), list(CARDS.values()))[0]
        self.bodies.append({"currency": currency, "lines": lines, "payment_method": card})
        self._submit(len(self.bodies) - 1)

    def _submit(self, number: int) -> None:
        body = self.bodies[number]

        def submit() -> None:
            taken = self.pipeline.submit(CLIENT, f"key-{number}", body, may_choose_price=False)
            if not taken.replayed:
                self.accepted.append(taken.order.order_id)

        self._until_answered(submit)

    def _refund(self) -> None:
        some = (self.chance.choice(self.accepted) for _ in range(8))
        sold = (i for i in some if self.pipeline.head(i).status is Status.COMPLETED)
        self._wish("refund", next(sold, self.accepted[0]))

    def _wish(self, kind: str, order_id: OrderId) -> None:
        wish = Wish("cancel" if kind == "cancel" else "refund", len(self.wishes))
        self.wishes.append((wish, order_id))
        self._send(wish, order_id)

    def _send(self, wish: Wish, order_id: OrderId) -> None:
        self._until_answered(lambda: wish.send(self.pipeline, [order_id]))

    def _until_answered(self, request: Callable[[], None]) -> None:
        while True:
            try:
                request()
            except (InvalidBody, RequestConflict):
                self.told["refused"] += 1
                return
            except (TransientError, FunctionTimedOut):
                self.told["not answered"] += 1
                if self.chance.random() < 0.1:
                    self.told["given up"] += 1
                    return
                self.turns.sleep(self.chance.uniform(0.5, 10))
            else:
                self.told["answered"] += 1
                return

    def _disturb(self) -> None:
        """Let provider or warehouse do what they may."""
        match self.chance.randrange(3):
            case 0:
                self.pipeline.payments.save_failure(self.chance.choice(SAVED))
                self.told["saved failures"] += 1
            case 1:
                self.pipeline.payments.refund_outcomes.append(refused_with("charge_disputed"))
            case _:
                self.pipeline.warehouse.refused_skus ^= {FRAGILE}
