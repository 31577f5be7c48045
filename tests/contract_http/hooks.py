"""What schemathesis cannot read in the document: loaded by its command line, see schemathesis.toml."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

import requests
import schemathesis

if TYPE_CHECKING:
    from schemathesis import Case, CheckContext, HookContext, Response

# Codes of valid requests that do not fit to the catalogue or the order; no schema can know them.
_DEPENDS_ON_STATE: Final = frozenset(
    {
        "card_number_refused",
        "currency_mismatch",
        "exceeds_refundable",
        "line_repeated",
        "nothing_to_refund",
        "required",
        "total_mismatch",
        "total_too_large",
        "unknown_line",
        "unknown_price",
        "unknown_sku",
    }
)
_ANSWERS: Final = ("Order", "OrderSummary", "Cancellation", "Refund", "Problem")
_EVERY_KEPT_KEY: Final = 5
_ROOM_IN_A_KEY: Final = 240
_CALLS = count()


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:  # noqa: ARG001 - a hook's form
    """Forbid fields that the document does not describe: clients may ignore them, this test may not."""
    for name in _ANSWERS:
        _close(raw_schema["components"]["schemas"][name])


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _close(part)
    elif isinstance(schema, list):
        for part in schema:
            _close(part)


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """Write whole numbers as such: 2.0 is an integer to JSON Schema, and the API refuses it on purpose."""
    if isinstance(body, float) and body.is_integer():
        return int(body)
    if isinstance(body, dict):
        return {name: map_body(context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(context, value) for value in body]
    return body


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - a hook's form
    """Make most keys new, or most requests would end at a key that an earlier one has used."""
    key = case.headers.get("Idempotency-Key")
    number = next(_CALLS)
    if _is_positive(case) and key and len(key) < _ROOM_IN_A_KEY and number % _EVERY_KEPT_KEY:
        case.headers["Idempotency-Key"] = f"{key}-{number}"


@schemathesis.check
def valid_data_is_understood(_ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Data that fits the document is never malformed; what it does not fit to then is a matter of state."""
    if not _is_positive(case) or response.status_code not in {400, 401, 403, 413, 415, 422}:
        return
    problem = response.json()
    codes = {error["code"] for error in problem.get("errors", [])}
    if problem["code"] in {"invalid_order", "invalid_refund"}:
        assert codes <= _DEPENDS_ON_STATE, f"valid data is refused as {sorted(codes - _DEPENDS_ON_STATE)}"
    else:
        assert problem["code"] in {"invalid_cursor", "idempotency_key_reused"}, problem["code"]


@schemathesis.check
def nobody_is_served_without_a_name(_ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Every operation refuses the same request of a client that does not say who it is."""
    if response.status_code >= 300:
        return
    sent = response.request
    headers = {name: value for name, value in sent.headers.items() if name != "X-Orders-Client"}
    again = requests.request(
        sent.method or case.method, sent.url or "", headers=headers, data=sent.body, timeout=30
    )
    assert again.status_code == 401, f"answered {again.status_code} to nobody"


def _is_positive(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive
