"""Orders as they would stand in the store, without going through the pipeline."""

from __future__ import annotations

from typing import Any

from lambdas.domain.identifiers import ClientId, order_id_for
from lambdas.domain.order import Event, Line, Order, digest_lines, initial_payment_status
from lambdas.domain.timestamps import to_text
from tests.fakes.clock import START

AT = to_text(START)


def an_order(**changes: Any) -> Order:
    """An accepted order of two boxes of tea for 9.00 GBP; `changes` are fields of `Order`."""
    client = ClientId("client-1")
    lines = (Line("TEA", 2, 450, 2000),)
    values: dict[str, Any] = {
        "order_id": order_id_for(client, "key-1"),
        "client": client,
        "currency": "GBP",
        "total": 900,
        "tax": 150,
        "request_hash": "0" * 32,
        "lines_digest": digest_lines(lines),
        "accepted_at": AT,
        "updated_at": AT,
        "payment_method": "pm_card_visa",
        "lines": lines,
        "timeline": (Event(AT, "accepted"),),
    }
    values |= changes
    values.setdefault("payment_status", initial_payment_status(values["total"]))
    return Order(**values)
