"""Failures and dead letters as the tests start from them."""

from __future__ import annotations

import json
from dataclasses import replace

from lambdas.domain.failure import DeadLetter, Failure, FailureContext, Stake
from lambdas.domain.identifiers import ClientId, OrderId, failure_id_for, order_id_for

SEEN_AT = "2026-11-20T10:05:00.000Z"
AT_CAPTURE = FailureContext(
    step="capture",
    error_class="LedgerConflict",
    frame="capture_payment.py:__call__",
    error="the ledger holds another entry under the key",
    attempts=3,
    claim="ord_a-execution-4",
    failed_at=SEEN_AT,
)
AT_FULFIL = replace(
    AT_CAPTURE, step="fulfil", error_class="WarehouseUnavailable", frame="fulfil_order.py:_ship"
)


def order_id_of(n: int) -> OrderId:
    """The n-th order."""
    return order_id_for(ClientId("shop-1"), f"key-{n}")


def a_failure(
    n: int = 0,
    *,
    context: FailureContext = AT_CAPTURE,
    currency: str | None = "GBP",
    total: int = 1_000,
    seen_at: str = SEEN_AT,
) -> Failure:
    """The n-th order's failure, new and open."""
    order_id = order_id_of(n)
    return Failure(
        failure_id=failure_id_for(order_id),
        order_id=order_id,
        refund_id=None,
        body=json.dumps({"command": "process", "order_id": order_id}),
        context=context,
        stake=Stake(currency, total, "attention_required", "authorized", "reserved"),
        first_seen=seen_at,
        last_seen=seen_at,
        last_message_id=f"message-{n}",
        archive_key=f"letters/{n}",
        group="group-a",
    )


def a_letter(
    n: int = 0, *, message_id: str | None = None, receives: int = 1, body: str | None = None
) -> DeadLetter:
    """A dead letter of the n-th order."""
    command = {"command": "process", "order_id": order_id_of(n)}
    return DeadLetter(
        message_id=message_id or f"message-{n}",
        body=json.dumps(command) if body is None else body,
        sent_at="2026-11-20T10:00:00.000Z",
        receives=receives,
        group="group-a",
    )
