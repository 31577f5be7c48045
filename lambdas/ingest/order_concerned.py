"""Which order a request is about, so that every line of its log can be found by the order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.identifiers import OrderId, looks_like_order_id, order_id_for
from lambdas.ingest.idempotency_key import InvalidIdempotencyKey, read_idempotency_key
from lambdas.ingest.identity import Unauthenticated, identify

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBMISSION: Final = "POST /v1/orders"


def order_concerned(event: Mapping[str, Any], auth_mode: str) -> OrderId | None:
    """Return the id in the path, or the one that a submission's order has or would have.

    A refused submission has the id too: the same key, once its body is mended, makes that order. None for
    requests about no single order, and for what cannot be an id: nobody's free text belongs into a log.
    """
    named = (event.get("pathParameters") or {}).get("order_id", "")
    if looks_like_order_id(named):
        return OrderId(named)
    if event["routeKey"] != SUBMISSION:
        return None
    try:
        key = read_idempotency_key(event["headers"].get("idempotency-key"))
        return order_id_for(identify(event, auth_mode).client, key)
    except (InvalidIdempotencyKey, Unauthenticated):
        return None
