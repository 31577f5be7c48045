"""A shop's pipeline in memory, as its API's client sees it: the domain prices the orders, refunds add up."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lambdas.domain.identifiers import ClientId, order_id_for
from lambdas.domain.pricing import price_submission
from lambdas.domain.refund_request import parse_refund
from lambdas.domain.request_body import InvalidBody, hash_request
from lambdas.domain.submission import parse_submission
from orders.api_client import ApiRefused, Submitted
from orders.retail.catalogue import Stocked, plan_catalogue
from orders.retail.catalogue_table import CatalogueChange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lambdas.domain.pricing import PricedOrder
    from orders.retail.catalogue import Wanted

Json = dict[str, Any]
COMPLETED = ("completed", None)


def refused(status: int, code: str, *errors: Json) -> ApiRefused:
    """An answer with problem details."""
    return ApiRefused(
        status, {"code": code, "title": code, "errors": list(errors), "retryable": status >= 500}
    )


@dataclass
class InMemoryCatalogue:
    """Products as the inventory table would hold them."""

    products: dict[str, Stocked] = field(default_factory=dict)

    def bring_up(
        self, wanted: Mapping[str, Wanted], source: str, told: Callable[[int], None]
    ) -> CatalogueChange:
        """Write what is missing."""
        plan = plan_catalogue(wanted.values(), self.products, source)
        for new in plan.new:
            self.products[new.sku] = Stocked(new.as_product(), {source: new.demand})
        for top_up in plan.top_ups:
            found = self.products[top_up.sku]
            product = replace(
                found.product,
                prices={**found.product.prices, **top_up.points},
                on_hand=found.product.on_hand + (top_up.quantity or 0),
            )
            sources = {**(found.sources or {}), source: top_up.quantity or wanted[top_up.sku].demand}
            self.products[top_up.sku] = Stocked(product, sources)
        told(len(wanted))
        return CatalogueChange(len(plan.new), len(plan.top_ups), plan.conflicts)


@dataclass
class ShopApi:
    """`end` decides how an order ends, `pay_back` how a refund does; `before` may fail a call.

    An order is processed when somebody looks, the oldest first and `pace` at a look. A refund is decided at
    the first look at it, and its goods are back at the second if the shop `restocks`.
    """

    catalogue: InMemoryCatalogue = field(default_factory=InMemoryCatalogue)
    end: Callable[[Json], tuple[str, str | None]] = lambda _order: COMPLETED
    pay_back: Callable[[Json], tuple[str, str | None]] = lambda _refund: ("succeeded", None)
    before: Callable[[str, str], None] = lambda _call, _key: None
    restocks: bool = True
    pace: int = 1_000
    orders: dict[str, Json] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    of_order: dict[str, list[Json]] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def submit(self, body: bytes, key: str) -> Submitted:
        """`POST /v1/orders`."""
        with self._lock:
            self._begin("submit", key)
            parsed = json.loads(body)
            order_id = order_id_for(ClientId("shop"), key)
            if order_id in self.orders:
                if self.requests[order_id] != hash_request(parsed):
                    raise refused(422, "idempotency_key_reused")
                return Submitted(
                    {**self.orders[order_id], "status": "accepted", "reason": None}, replayed=True
                )
            priced = self._price(parsed)
            order = {
                "order_id": order_id,
                "status": "accepted",
                "reason": None,
                "reference": parsed.get("reference"),
                "total": priced.total,
                "lines": [
                    {"line": n, "sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price}
                    for n, line in enumerate(priced.lines, 1)
                ],
            }
            self.orders[order_id] = order
            self.requests[order_id] = hash_request(parsed)
            return Submitted(dict(order), replayed=False)

    def get(self, order_id: str) -> Json:
        """`GET /v1/orders/{order_id}`."""
        with self._lock:
            self._begin("get", order_id)
            self._process()
            return dict(self.orders[order_id])

    def page(self, cursor: str | None = None, limit: int = 100) -> tuple[list[Json], str | None]:
        """`GET /v1/orders`, newest first; a cursor names the last order of the page before."""
        with self._lock:
            self._begin("page", cursor or "")
            self._process()
            newest = list(reversed(self.orders.values()))
            start = 1 + [order["order_id"] for order in newest].index(cursor) if cursor else 0
            page = [dict(order) for order in newest[start : start + limit]]
            return page, page[-1]["order_id"] if len(newest) > start + limit else None

    def refund(self, order_id: str, body: bytes, key: str) -> Submitted:
        """`POST /v1/orders/{order_id}/refunds` by lines."""
        with self._lock:
            self._begin("refund", key)
            parsed = json.loads(body)
            if key in self.keys:
                return Submitted(dict(self.keys[key]), replayed=True)
            order = self.orders[order_id]
            if order["status"] != "completed" or not order["total"]:
                raise refused(409, "not_refundable")
            refund = self._make_refund(order, parsed)
            self.of_order.setdefault(order_id, []).append(refund)
            self.keys[key] = refund
            return Submitted(dict(refund), replayed=False)

    def refunds(self, order_id: str) -> list[Json]:
        """`GET /v1/orders/{order_id}/refunds`; what is requested is decided by now."""
        with self._lock:
            self._begin("refunds", order_id)
            for refund in self.of_order.get(order_id, []):
                if refund["status"] == "requested":
                    refund["status"], refund["failure"] = self.pay_back(refund)
                elif refund["status"] == "succeeded":
                    refund["restocked"] = self.restocks
            return [dict(refund) for refund in self.of_order.get(order_id, [])]

    def captured(self) -> int:
        """What the completed orders were charged."""
        return sum(order["total"] for order in self.orders.values() if order["status"] == "completed")

    def refunded(self) -> int:
        """What the succeeded refunds paid back."""
        refunds = (refund for found in self.of_order.values() for refund in found)
        return sum(refund["amount"] for refund in refunds if refund["status"] == "succeeded")

    def _begin(self, call: str, key: str) -> None:
        self.calls.append(call)
        self.before(call, key)

    def _price(self, parsed: object) -> PricedOrder:
        products = {sku: stocked.product for sku, stocked in self.catalogue.products.items()}
        try:
            return price_submission(parse_submission(parsed), products, may_choose_price=True)
        except InvalidBody as error:
            errors = [{"pointer": p.pointer, "code": p.code, "detail": p.detail} for p in error.problems]
            raise refused(422, "invalid_order", *errors) from error

    def _process(self) -> None:
        waiting = (order for order in self.orders.values() if order["status"] == "accepted")
        for _, order in zip(range(self.pace), waiting, strict=False):
            order["status"], order["reason"] = self.end(order)

    def _make_refund(self, order: Json, parsed: Json) -> Json:
        parse_refund(parsed)
        left = {line["line"]: line["quantity"] for line in order["lines"]}
        for earlier in self.of_order.get(order["order_id"], []):
            if earlier["status"] in {"requested", "succeeded"}:
                for line in earlier["lines"]:
                    left[line["line"]] -= line["quantity"]
        if any(left[line["line"]] < line["quantity"] for line in parsed["lines"]):
            raise refused(422, "invalid_refund", {"pointer": "/lines/0", "code": "exceeds_refundable"})
        price = {line["line"]: line["unit_price"] for line in order["lines"]}
        return {
            "refund_id": f"ref_{len(self.keys):026d}",
            "order_id": order["order_id"],
            "status": "requested",
            "failure": None,
            "amount": sum(price[line["line"]] * line["quantity"] for line in parsed["lines"]),
            "lines": parsed["lines"],
            "reason_code": parsed["reason_code"],
            "restock": parsed["restock"],
            "restocked": False,
        }
