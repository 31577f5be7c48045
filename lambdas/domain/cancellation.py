"""The body of `POST /v1/orders/{order_id}/cancel`."""

from __future__ import annotations

from typing import Final

from lambdas.domain.request_body import InvalidBody, json_object, one_of, unknown_fields

CANCEL_CODES: Final = ("customer_request", "duplicate", "mistake", "fraud_suspected", "other")
_FIELDS: Final = frozenset({"reason_code"})


def parse_cancellation(body: object) -> str:
    """Return the reason's code; raises InvalidBody with all problems."""
    fields = json_object(body)
    problems = unknown_fields(fields, _FIELDS)
    code = one_of(fields, "reason_code", CANCEL_CODES, problems, default=CANCEL_CODES[0])
    if problems:
        raise InvalidBody(problems)
    return code
