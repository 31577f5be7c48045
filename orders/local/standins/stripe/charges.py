"""Charges, payment methods and disputes: made elsewhere, only read here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.stripe.listing import Conditions, page

if TYPE_CHECKING:
    from orders.local.standins.messages import Json
    from orders.local.standins.stripe.storage import Store


class Charges:
    """The endpoints that read them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def retrieve(self, charge_id: str, _: Json) -> Json:
        """`GET /v1/charges/{id}`."""
        return self._store.get("charge", charge_id, param="id")

    def list(self, _: str, params: Json) -> Json:
        """`GET /v1/charges`."""
        conditions = Conditions()
        conditions.within("created", params.get("created"))
        conditions.equals("parent", params.get("payment_intent"))
        return page(self._store, "charge", "/v1/charges", params, conditions)

    def retrieve_method(self, method_id: str, _: Json) -> Json:
        """`GET /v1/payment_methods/{id}`."""
        return self._store.get("payment_method", method_id, param="payment_method")

    def retrieve_dispute(self, dispute_id: str, _: Json) -> Json:
        """`GET /v1/disputes/{id}`."""
        return self._store.get("dispute", dispute_id, param="dispute")
