"""The payment provider's stand-in: authentication, routing, idempotency, faults, in that order."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from orders.local.standins.clock import Clock
from orders.local.standins.credentials import bearer_token
from orders.local.standins.faults import Fault, FaultKind
from orders.local.standins.messages import Json, Reply, Request
from orders.local.standins.standin import StandIn
from orders.local.standins.stripe.balance import Balance
from orders.local.standins.stripe.charges import Charges
from orders.local.standins.stripe.control import PaymentControl
from orders.local.standins.stripe.endpoints import Endpoint, endpoints
from orders.local.standins.stripe.errors import (
    ApiError,
    invalid,
    provider_failure,
    unauthorized,
    unrecognized_url,
)
from orders.local.standins.stripe.form import Form, decode, refuse_card_numbers
from orders.local.standins.stripe.idempotency import IdempotencyKeys, KeyedCall
from orders.local.standins.stripe.intents import Intents
from orders.local.standins.stripe.objects import expand, visible
from orders.local.standins.stripe.parameters import check
from orders.local.standins.stripe.refunds import Refunds
from orders.local.standins.stripe.storage import Store

if TYPE_CHECKING:
    from pathlib import Path

TEST_KEYS = "sk_test_"
API_VERSION = "2026-10-28.endive"
# A 500 comes from the endpoint and is what its key keeps. Another 5xx comes from in front of it: the
# key keeps the true answer, which only got lost.
ENDPOINT_FAILED = 500
CLOCK_OFFSET = "clock_offset"


class PaymentStandIn(StandIn):
    """Stripe's v1 API as far as the pipeline uses it; accepts any `sk_test_…` key.

    `with PaymentStandIn() as provider:` serves on `provider.url`; give it to the library as
    `StripeClient("sk_test_x", base_addresses={"api": provider.url})`.

    Args:
        folder: where `payment.sqlite` is kept; None keeps everything in memory.
        port: 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    def __init__(self, folder: Path | None = None, port: int = 0) -> None:
        database, self._store = Store.open(folder)
        self._clock = Clock(self._store.setting(CLOCK_OFFSET))
        self._keys = IdempotencyKeys(database, self._clock)
        self._balance = Balance(self._store, self._clock)
        self._intents = Intents(self._store, self._clock, self._balance)
        self._refunds = Refunds(self._store, self._clock, self._balance)
        self._endpoints = endpoints(self._intents, Charges(self._store), self._refunds, self._balance)
        super().__init__("payment", database, token_prefix=TEST_KEYS, port=port)
        PaymentControl(
            database, self._store, self._clock, self._balance, self._intents, self._refunds, self._keys
        ).register(self._control)

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """One call of the API; every answer has a `Request-Id`."""
        try:
            reply = self._answer(request, fault)
        except ApiError as error:
            reply = error.reply
        reply.headers.update({"Request-Id": f"req_{secrets.token_hex(7)}", "Stripe-Version": API_VERSION})
        return reply

    def _answer(self, request: Request, fault: Fault | None) -> Reply:
        key = bearer_token(request.headers)
        if key is None or not self.credentials.accepts(key):
            raise unauthorized(key)
        name, object_id = _endpoint(request)
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            raise unrecognized_url(request.method, request.path)
        form = decode(request.query if request.method == "GET" else _text(request))
        refuse_card_numbers(form)
        if request.method == "GET":
            return self._run(None, endpoint, object_id, form, fault)
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return self._run(None, endpoint, object_id, form, fault)
        call = KeyedCall.of(key, request.path, form)
        with self._keys.claim(key):
            saved = self._keys.replay(call)
            return saved or self._run(call, endpoint, object_id, form, fault)

    def _run(
        self,
        call: KeyedCall | None,
        endpoint: Endpoint,
        object_id: str,
        form: Form,
        fault: Fault | None,
    ) -> Reply:
        params = check(form, endpoint.params)
        if fault is not None and fault.kind is FaultKind.SLOW:
            self.pause(fault.seconds)

        def effect() -> Reply:
            if fault is not None and fault.fails_before_effect:
                raise provider_failure(fault.status, None)
            body = _shown(endpoint.call(object_id, params))
            shown = Reply.of(200, expand(body, params.get("expand", []), self._store))
            if fault is not None and fault.fails_after_effect and fault.status == ENDPOINT_FAILED:
                raise provider_failure(fault.status, None)
            return shown

        reply = self._keys.run(call, effect)
        if fault is not None and fault.fails_after_effect:
            return self.failure(fault.status, None)
        return reply

    def endpoint_of(self, request: Request) -> str:
        """The endpoint's name; all addresses that do not exist count as one."""
        name, _ = _endpoint(request)
        return name if name in self._endpoints else "unrecognized"

    def order_id_of(self, request: Request) -> str | None:
        """`metadata.order_id` of the request, or of the intent or refund that it is about."""
        try:
            form = decode(_text(request))
        except ApiError:
            return None
        metadata = form.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("order_id"), str):
            return str(metadata["order_id"])
        _, object_id = _endpoint(request)
        named = object_id or form.get("payment_intent")
        for kind in ("payment_intent", "refund"):
            found = self._store.find(kind, str(named))
            if found is not None:
                return (found["metadata"] or {}).get("order_id")
        return None

    def failure(self, status: int, retry_after: int | None) -> Reply:
        """A 429 or 5xx from in front of the endpoints."""
        return provider_failure(status, retry_after).reply

    def forget(self) -> None:
        """Delete all objects and answers, and set the clock right."""
        self._store.forget()
        self._clock.offset = 0


def _text(request: Request) -> str:
    try:
        return request.body.decode()
    except UnicodeDecodeError as error:
        raise invalid("Invalid request: the body is not UTF-8.") from error


def _endpoint(request: Request) -> tuple[str, str]:
    """The name in the table of endpoints, and the id in the path."""
    segments = request.path.strip("/").split("/")
    object_id = segments[2] if len(segments) > 2 else ""  # noqa: PLR2004 - /v1/kind/id
    if object_id:
        segments[2] = "{id}"
    return f"{request.method} /{'/'.join(segments)}", object_id


def _shown(body: Json) -> Json:
    """An object or a list without the stand-in's notes."""
    if body["object"] == "list":
        return body | {"data": [visible(item) for item in body["data"]]}
    return visible(body)
