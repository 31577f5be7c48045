"""Typed, prefixed identifiers. All are derived, never drawn, so that a retry makes the same one again."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NewType

OrderId = NewType("OrderId", str)
EntryId = NewType("EntryId", str)
RefundId = NewType("RefundId", str)
ClientId = NewType("ClientId", str)
FailureId = NewType("FailureId", str)
Fingerprint = NewType("Fingerprint", str)
PlanId = NewType("PlanId", str)
OperationId = NewType("OperationId", str)

_PREFIX_LENGTH = 4
_ORDER_ID = re.compile(r"ord_[a-z2-7]{26}")
_REFUND_ID = re.compile(r"ref_[a-z2-7]{26}")
_FAILURE_ID = re.compile(r"fail_[a-z2-7]{26}")
_FINGERPRINT = re.compile(r"fp_[a-z2-7]{13}")
_PLAN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _digest(*parts: str, size: int) -> str:
    """Hash length-prefixed parts (so that no two lists of parts collide) to lower-case base 32."""
    joined = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
    digest = hashlib.sha256(joined).digest()[:size]
    return base64.b32encode(digest).decode().rstrip("=").lower()


def order_id_for(client: ClientId, idempotency_key: str) -> OrderId:
    """Derive the order's id from who submits it and under which key: a key never expires into a duplicate."""
    return OrderId("ord_" + _digest("POST /v1/orders", client, idempotency_key, size=16))


def refund_id_for(order_id: OrderId, client: ClientId, idempotency_key: str) -> RefundId:
    """Derive the refund's id from the order, who asks for it and under which key."""
    route = "POST /v1/orders/{order_id}/refunds"
    return RefundId("ref_" + _digest(route, client, order_id, idempotency_key, size=16))


def key_digest_for(route: str, idempotency_key: str) -> str:
    """Shorten a key of a route to what is stored of it."""
    return _digest(route, idempotency_key, size=10)


def entry_id_for(order_id: OrderId, entry_no: int) -> EntryId:
    """Derive a journal entry's id from its order and its number within the order."""
    return EntryId(f"ent_{order_id[_PREFIX_LENGTH:]}_{entry_no}")


def failure_id_for(subject: OrderId | RefundId) -> FailureId:
    """Derive a failure's id from what failed: an order or a refund fails as one thing, however often."""
    return FailureId("fail_" + _digest("failure", subject, size=16))


def unreadable_failure_id_for(message_id: str) -> FailureId:
    """Derive the id of a message's failure that names no order; `message_id` is SQS's."""
    return FailureId("fail_" + _digest("unreadable", message_id, size=16))


def fingerprint_for(step: str, error_class: str, frame: str) -> Fingerprint:
    """Derive what failures that are alike have in common; none of the three may hold an id or an amount."""
    return Fingerprint("fp_" + _digest("fingerprint", step, error_class, frame, size=8))


def plan_id_for(content: str) -> PlanId:
    """Derive a plan's id from all that it says, so that a changed plan is another one."""
    return PlanId("plan_" + _digest("plan", content, size=16))


def operation_id_for(*parts: str) -> OperationId:
    """Derive the id of what an operator does from what makes it that one: done again it is the same."""
    return OperationId("op_" + _digest("operation", *parts, size=16))


def queue_group_for(client: ClientId) -> str:
    """Name the fair-queue group of a client without disclosing the client."""
    return _digest("queue group", client, size=10)


def looks_like_order_id(text: str) -> bool:
    """Tell whether a path or message can name an order at all."""
    return _ORDER_ID.fullmatch(text) is not None


def looks_like_failure_id(text: str) -> bool:
    """Tell whether a text can name a failure at all."""
    return _FAILURE_ID.fullmatch(text) is not None


def looks_like_fingerprint(text: str) -> bool:
    """Tell whether a text can name a group of failures at all."""
    return _FINGERPRINT.fullmatch(text) is not None


def looks_like_refund_id(text: str) -> bool:
    """Tell whether a path or message can name a refund at all."""
    return _REFUND_ID.fullmatch(text) is not None


def looks_like_plan_id(text: str) -> bool:
    """Tell whether a message can name an operator's plan at all."""
    return _PLAN_ID.fullmatch(text) is not None
