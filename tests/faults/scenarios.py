"""What orders go through in the matrix. Together they reach every call that a function makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.catalogue import product_to_item
from lambdas.domain.catalogue import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.site import Site

DAY: Final = 86_400
POOR_CARD: Final = "pm_card_visa_chargeDeclinedInsufficientFunds"
TEA: Final = Product("TEA", "GBP", {"list": 450}, tax_rate=2000, on_hand=10)
MUG: Final = Product("MUG", "GBP", {"list": 1000}, on_hand=3)
GIFT: Final = Product("GIFT", "GBP", {"list": 0}, on_hand=10)
# More than one transaction takes, so that an order of all is held in two chunks.
MANY: Final = tuple(Product(f"SKU-{n:03}", "GBP", {"list": 100}, on_hand=2) for n in range(100))


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` brings orders to their ends; `key` is another one in every case, for ids are made from it."""

    name: str
    play: Callable[[Site, str], None]
    products: tuple[Product, ...] = (TEA, MUG, GIFT)

    @property
    def stock(self) -> Mapping[str, dict[str, Any]]:
        """What lies on the shelves in the beginning."""
        return {product.sku: product_to_item(product) for product in self.products}


def _paid(site: Site, key: str) -> None:
    order_id = site.submit(key, ("TEA", 2), ("MUG", 1))
    site.settle()
    site.read(order_id)


def _gift(site: Site, key: str) -> None:
    site.submit(key, ("GIFT", 1), card=None)
    site.settle()


def _declined(site: Site, key: str) -> None:
    site.submit(key, ("TEA", 1), card=POOR_CARD)
    site.settle()


def _out_of_stock(site: Site, key: str) -> None:
    site.submit(key, ("MUG", 4))
    site.settle()


def _withdrawn(site: Site, key: str) -> None:
    site.submit(key, ("MUG", 1))
    site.withdraw("MUG")
    site.settle()


def _refused(site: Site, key: str) -> None:
    """The warehouse will not ship it."""
    site.warehouse.call("POST", "refusals", {"sku": "MUG"})
    site.submit(key, ("MUG", 1), ("TEA", 1))
    site.settle()


def _cancelled(site: Site, key: str) -> None:
    order_id = site.submit(key, ("TEA", 1))
    site.cancel(order_id)
    site.settle()


def _cancelled_when_held(site: Site, key: str) -> None:
    """The warehouse is down while the goods are held; then the client has enough of it."""
    order_id = site.submit(key, ("TEA", 1), ("MUG", 1))
    site.warehouse.call("POST", "down", {"seconds": DAY})
    site.settle_until_held(order_id)
    site.warehouse.call("DELETE", "down")
    site.cancel(order_id)
    site.settle()


def _refunded(site: Site, key: str) -> None:
    """In two parts, the first with its goods."""
    order_id = site.submit(key, ("TEA", 2), ("MUG", 1))
    site.settle()
    site.refund(order_id, "first", lines=[{"line": 1, "quantity": 1}], restock=True)
    site.settle()
    site.refund(order_id, "second")
    site.settle()


def _refund_refused(site: Site, key: str) -> None:
    """The customer disputes the payment first."""
    order_id = site.submit(key, ("TEA", 1))
    site.settle()
    (payment,) = site.provider.call("GET", f"intents?order_id={order_id}")["intents"]
    site.provider.call("POST", "disputes", {"payment_intent": payment["id"]})
    site.refund(order_id, "first")
    site.settle()


def _many(site: Site, key: str) -> None:
    """Held, shipped, refunded and restocked in chunks."""
    order_id = site.submit(key, *((product.sku, 1) for product in MANY))
    site.settle()
    site.refund(order_id, "first", restock=True)
    site.settle()


def _many_refused(site: Site, key: str) -> None:
    """Held in chunks and given back by its markers."""
    site.warehouse.call("POST", "refusals", {"sku": MANY[0].sku})
    site.submit(key, *((product.sku, 1) for product in MANY))
    site.settle()


def _message_lost(site: Site, key: str) -> None:
    """Nothing moves the order but the watchdog."""
    site.submit(key, ("TEA", 1))
    site.lose_messages()
    site.clock.advance(DAY)
    site.watch(hurried=True)
    site.watch()
    site.settle()


def _refund_lost(site: Site, key: str) -> None:
    order_id = site.submit(key, ("TEA", 1))
    site.settle()
    site.refund(order_id, "first")
    site.lose_messages()
    site.clock.advance(2 * DAY)
    site.watch()
    site.settle()


def _given_up(site: Site, key: str) -> None:
    """The money is held for days while the goods do not get away."""
    order_id = site.submit(key, ("TEA", 1))
    site.warehouse.call("POST", "down", {"seconds": DAY})
    site.settle_until_held(order_id)
    site.lose_messages()
    site.warehouse.call("DELETE", "down")
    site.clock.advance(6 * DAY)
    site.watch()
    site.settle()


def _set_aside(site: Site, key: str) -> None:
    """Our credentials are refused, which no retry mends: a dead letter, a page, and an operator's replay."""
    site.provider.call("POST", "credentials", {"accepted": ["another"]})
    site.submit(key, ("TEA", 1))
    site.deliver_until_dead()
    site.provider.call("POST", "credentials", {"accepted": None})
    site.settle()


def _refund_set_aside(site: Site, key: str) -> None:
    order_id = site.submit(key, ("TEA", 1))
    site.settle()
    site.provider.call("POST", "credentials", {"accepted": ["another"]})
    site.refund(order_id, "first")
    site.deliver_until_dead()
    site.provider.call("POST", "credentials", {"accepted": None})
    site.settle()


def _unreadable(site: Site, key: str) -> None:
    """Something that is no command of ours, beside an order."""
    site.send("not json")
    site.submit(key, ("TEA", 1))
    site.settle()


def _outage(site: Site, key: str) -> None:
    """The provider is down until the breaker has opened; then it probes and closes again."""
    site.provider.call("POST", "down", {"seconds": DAY})
    site.submit(key, ("TEA", 1))
    for _ in range(OUTAGE_DELIVERIES):
        site.deliver()
    site.provider.call("DELETE", "down")
    site.settle()


# Of which five open the breaker, and the others are parked.
OUTAGE_DELIVERIES: Final = 8

SCENARIOS: Final = (
    Scenario("paid", _paid),
    Scenario("of nothing", _gift),
    Scenario("declined", _declined),
    Scenario("out of stock", _out_of_stock),
    Scenario("withdrawn", _withdrawn),
    Scenario("shipment refused", _refused),
    Scenario("cancelled", _cancelled),
    Scenario("cancelled when held", _cancelled_when_held),
    Scenario("refunded", _refunded),
    Scenario("refund refused", _refund_refused),
    Scenario("message lost", _message_lost),
    Scenario("refund's message lost", _refund_lost),
    Scenario("given up", _given_up),
    Scenario("set aside", _set_aside),
    Scenario("refund set aside", _refund_set_aside),
    Scenario("unreadable", _unreadable),
    Scenario("outage", _outage),
    Scenario("many products", _many, MANY),
    Scenario("many products, refused", _many_refused, MANY),
)
