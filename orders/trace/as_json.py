"""A trace for programs. Names and shapes are stable: fields are added, never renamed.

Money is in minor units of `order.currency`, times are RFC 3339 in UTC, durations are milliseconds. A part
that could not be read is null, and `not_read` says why.
"""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lambdas.domain.timestamps import to_text
from orders.trace.model import NotRead

if TYPE_CHECKING:
    from lambdas.domain.order import Line, Order
    from lambdas.domain.refund import Refund
    from orders.deployment import Deployment
    from orders.trace.model import Agreement, BookedEntry, StoredOrder, Trace


def trace_as_json(trace: Trace, agreement: Agreement, deployment: Deployment) -> dict[str, Any]:
    """Return the trace as one JSON object."""
    stored = trace.stored
    story = None if isinstance(trace.log, NotRead) else trace.log.story
    parts = {
        "lines": stored.lines,
        "log": trace.log,
        "payment": trace.payment,
        "shipment": trace.shipment,
        "stock": trace.stock,
        "ledger": trace.ledger,
    }
    return {
        "order_id": stored.order.order_id,
        "traced_at": to_text(trace.traced_at),
        "deployment": {
            "environment": deployment.environment,
            "region": deployment.region,
            "account": deployment.identity.account,
            "identity": deployment.identity.arn,
        },
        "order": _order(stored),
        "claim": _claim(trace),
        "timeline": [{"at": event.at, "event": event.name} for event in stored.order.timeline],
        "lines": None if isinstance(stored.lines, NotRead) else _lines(stored.lines),
        "refunds": [_refund(refund, stored) for refund in stored.refunds],
        "requests": _plain(story and story.requests),
        "executions": _plain(story and story.executions),
        "messages": _plain(story and story.messages),
        "notes": _plain(story and story.notes),
        "payment": _plain(trace.payment),
        "shipment": _plain(trace.shipment),
        "stock": _plain(trace.stock),
        "ledger": None if isinstance(trace.ledger, NotRead) else [_entry(booked) for booked in trace.ledger],
        "agreement": {
            "verdict": agreement.verdict,
            "facts": [{"fact": f.name, "agrees": f.agrees, "values": f.values} for f in agreement.facts],
            "remarks": list(agreement.remarks),
        },
        "not_read": {name: part.why for name, part in parts.items() if isinstance(part, NotRead)},
        "remarks": [] if isinstance(trace.log, NotRead) else list(trace.log.remarks),
    }


def _order(stored: StoredOrder) -> dict[str, Any]:
    order = stored.order
    return {
        "client": order.client,
        "reference": order.reference,
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "reason": order.reason,
        "currency": order.currency,
        "total": order.total,
        "tax": order.tax,
        "refunded": order.refunds.refunded,
        "refund_pending": order.refunds.reserved - order.refunds.refunded,
        "accepted_at": order.accepted_at,
        "updated_at": order.updated_at,
        "payment_intent": order.payment_intent,
        "key_generation": order.key_generation,
        "revision": order.revision,
        "cancellation": _cancellation(order),
        "held": order.held,
        "expiring": order.expiring,
        "ending": order.ending,
        "abandoned": order.abandoned,
        "handed_back": order.handed_back,
    }


def _cancellation(order: Order) -> dict[str, Any] | None:
    wish = order.cancellation
    if wish is None:
        return None
    status = order.cancellation_status
    return {"status": status, "reason_code": wish.reason_code, "requested_at": wish.requested_at}


def _refund(refund: Refund, stored: StoredOrder) -> dict[str, Any]:
    kept = {name: value for name, value in asdict(refund).items() if name not in {"order_id", "request_hash"}}
    return {**_plain(kept), "returned": stored.returned(refund), "finished": refund.finished}


def _lines(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    return [
        {"line": number, **asdict(line), "total": line.total, "tax": line.tax}
        for number, line in enumerate(lines, 1)
    ]


def _claim(trace: Trace) -> dict[str, Any] | None:
    order = trace.stored.order
    if order.claim is None:
        return None
    live = trace.stored.claim_is_live(trace.traced_at)
    return {"execution": order.claim, "until": to_text(trace.stored.claim_until), "live": live}


def _entry(booked: BookedEntry) -> dict[str, Any]:
    entry = booked.entry
    return {**_plain(entry), "entry_id": entry.entry_id, "hash": entry.hash, "intact": booked.intact}


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case NotRead():
            return None
        case datetime():
            return to_text(value)
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _plain(asdict(value))
        case _:
            return value
