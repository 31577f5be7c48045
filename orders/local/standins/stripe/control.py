"""Control calls of the payment provider, besides those of `orders.local.standins.control`.

| request | body | effect |
| --- | --- | --- |
| `GET /_standin/intents` | query `order_id`, `limit` (1000), `after` | intents, totals per currency |
| `POST /_standin/advance` | `{"seconds": 604800}` | moves time on; old authorisations expire |
| `DELETE /_standin/idempotency-keys` | | forgets all keys |
| `POST /_standin/payouts` | `{"currency": "usd", "include_pending": false}` | pays the balance out |
| `POST /_standin/payouts/{id}/fail` | | the payout comes back |
| `POST /_standin/refunds/{id}/fail` | | the refund fails afterwards |
| `POST /_standin/disputes` | `{"payment_intent", "amount"}` | the customer disputes |
| `POST /_standin/disputes/{id}/win` | | the dispute is won |
| `POST /_standin/intents/{id}/authenticate` | `{"succeeded": true}` | ends a 3-D Secure challenge |
| `POST /_standin/balance_transactions` | `{"type", "reporting_category", "amount", "currency", "fee": 0, "source", "description"}` | any other movement, e.g. a `stripe_fee` |

What cannot be done now is answered with 409.
"""  # noqa: E501 - a table row is one line

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from orders.local.standins.control import ControlRefusedError, path_id
from orders.local.standins.stripe.disputes import open_dispute, win_dispute
from orders.local.standins.stripe.errors import ApiError
from orders.local.standins.stripe.listing import Conditions
from orders.local.standins.stripe.objects import visible

if TYPE_CHECKING:
    from orders.local.standins.clock import Clock
    from orders.local.standins.control import ControlApi, ControlCall
    from orders.local.standins.database import Database
    from orders.local.standins.messages import Json, Request
    from orders.local.standins.stripe.balance import Balance
    from orders.local.standins.stripe.idempotency import IdempotencyKeys
    from orders.local.standins.stripe.intents import Intents
    from orders.local.standins.stripe.refunds import Refunds
    from orders.local.standins.stripe.storage import Store

LARGEST_PAGE = 1000


class PaymentControl:
    """What happens to payments without the merchant's doing."""

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: Clock,
        balance: Balance,
        intents: Intents,
        refunds: Refunds,
        keys: IdempotencyKeys,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._balance = balance
        self._intents = intents
        self._refunds = refunds
        self._keys = keys

    def register(self, api: ControlApi) -> None:
        """Add these calls; each is one transaction."""
        api.add("DELETE idempotency-keys", lambda _: {"forgotten": self._keys.forget()})
        for route, call in (
            ("GET intents", self._list),
            ("POST advance", self._advance),
            ("POST payouts", self._pay_out),
            ("POST payouts/{id}/fail", lambda r: self._balance.fail_payout(path_id(r))),
            ("POST refunds/{id}/fail", lambda r: self._refunds.fail(path_id(r))),
            ("POST disputes", self._dispute),
            ("POST disputes/{id}/win", self._win),
            ("POST intents/{id}/authenticate", self._authenticate),
            ("POST balance_transactions", self._book),
        ):
            api.add(route, self._in_transaction(call))

    def _in_transaction(self, call: ControlCall) -> ControlCall:
        def run(request: Request) -> Json:
            with self._database.transaction():
                try:
                    return visible(call(request))
                except ApiError as error:
                    raise ControlRefusedError(str(error)) from error

        return run

    def _list(self, request: Request) -> Json:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        limit = min(int(query.get("limit", LARGEST_PAGE)), LARGEST_PAGE)
        conditions = Conditions()
        conditions.equals("body ->> '$.metadata.order_id'", query.get("order_id"))
        if "after" in query:
            conditions.add("seq < ?", self._store.sequence("payment_intent", query["after"]) or 0)
        where, values = conditions.where
        found = self._store.select("payment_intent", where, values, limit=limit + 1)
        intents = found[:limit]
        refunded = self._store.refunded_of([intent["id"] for intent in intents])
        return {
            "intents": [_line(intent, refunded.get(intent["id"], 0)) for intent in intents],
            "has_more": len(found) > limit,
            "totals": self._store.totals(),
        }

    def _advance(self, request: Request) -> Json:
        self._clock.advance(int(request.json()["seconds"]))
        self._store.set_setting("clock_offset", self._clock.offset)
        held = self._store.select("payment_intent", "body ->> '$.status' = 'requires_capture'")
        expired = [intent["id"] for intent in held if self._intents.attempts.expire_if_due(intent)]
        return {"now": self._clock.now(), "expired": expired}

    def _pay_out(self, request: Request) -> Json:
        body = request.json()
        return self._balance.pay_out(
            body.get("currency", "usd"), include_pending=bool(body.get("include_pending", False))
        )

    def _dispute(self, request: Request) -> Json:
        body = request.json()
        intent = self._intents.retrieve(body["payment_intent"], {})
        if not intent["amount_received"]:
            raise ControlRefusedError(f"{intent['id']} was not captured")
        charge = self._store.get("charge", intent["latest_charge"], param="charge")
        amount = int(body["amount"] if "amount" in body else charge["amount_captured"])
        return open_dispute(self._store, self._clock, self._balance, charge, amount)

    def _win(self, request: Request) -> Json:
        return win_dispute(self._store, self._balance, path_id(request))

    def _authenticate(self, request: Request) -> Json:
        succeeded = bool(request.json().get("succeeded", True))
        return self._intents.authenticate(path_id(request), succeeded=succeeded)

    def _book(self, request: Request) -> Json:
        body = request.json()
        transaction_id = self._balance.book(
            body["type"],
            body["reporting_category"],
            int(body["amount"]),
            body["currency"],
            body.get("source"),
            fee=int(body.get("fee", 0)),
            description=body.get("description"),
        )
        return self._balance.retrieve(transaction_id, {})


def _line(intent: Json, refunded: int) -> Json:
    return {
        "id": intent["id"],
        "order_id": intent["metadata"].get("order_id"),
        "status": intent["status"],
        "currency": intent["currency"],
        "amount": intent["amount"],
        "authorised": intent["amount_capturable"],
        "captured": intent["amount_received"],
        "refunded": refunded,
        "latest_charge": intent["latest_charge"],
        "created": intent["created"],
    }
