"""Parts of the OpenAPI document that several routes share."""

from __future__ import annotations

from typing import Any, Final

from lambdas.domain.submission import MAX_TOTAL
from lambdas.ingest.idempotency_key import MAX_LENGTH
from lambdas.ingest.responses import ERRORS

Schema = dict[str, Any]

MINOR: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_TOTAL}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
ORDER_ID: Final[Schema] = {"type": "string", "pattern": "^ord_[a-z2-7]{26}$"}
REFUND_ID: Final[Schema] = {"type": "string", "pattern": "^ref_[a-z2-7]{26}$"}
NULLABLE_TEXT: Final[Schema] = {"type": ["string", "null"]}
# Printable ASCII without blanks at the ends, and no quotes around nothing.
_KEY: Final = r'^(?!" *"$)[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$'
_RETRY_AFTER: Final[Schema] = {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds"}
# What every POST with a key may answer.
KEYED_POST_ERRORS: Final = frozenset(
    {
        "malformed_json",
        "idempotency_key_required",
        "idempotency_key_too_long",
        "idempotency_key_invalid",
        "unauthenticated",
        "payload_too_large",
        "unsupported_media_type",
        "idempotency_key_reused",
        "internal_error",
        "unavailable",
    }
)


def idempotency_key(thing: str) -> Schema:
    """Describe the header that names a thing for ever."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": f"Names this {thing} for ever; quoted (RFC 8941) or bare. Quotes do not count.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": _KEY},
    }


def path_parameter(name: str, id_: Schema) -> Schema:
    """Describe an id in the path; one of another form is 404 like one that nobody has."""
    return {"name": name, "in": "path", "required": True, "schema": id_}


def taken(description: str, schema: str, links: Schema) -> Schema:
    """Describe a 202: accepted, and to be followed at its Location; `links` are what can be done next."""
    headers = {
        "Location": {
            "required": True,
            "schema": {
                "type": "string",
                "pattern": "^/v1/orders/ord_[a-z2-7]{26}(/refunds/ref_[a-z2-7]{26})?$",
            },
            "description": "Where to follow it, from the API's address on",
        },
        "Retry-After": {"required": True, **_RETRY_AFTER, "description": "Seconds until it is worth a look"},
        "Idempotent-Replayed": {
            "schema": {"const": "true"},
            "description": "Set when this key's first answer is given again",
        },
    }
    return {"description": description, "headers": headers, "content": json_of(schema), "links": links}


def order_link(operation: str, description: str, **more: str) -> Schema:
    """Describe what the order of an answer's body can be used for next."""
    parameters = {"order_id": "$response.body#/order_id", **more}
    return {"operationId": operation, "description": description, "parameters": parameters}


def json_of(schema: str, examples: Schema | None = None) -> Schema:
    """Refer to a named schema as JSON; `examples` are bodies by name."""
    named = {name: {"value": value} for name, value in (examples or {}).items()}
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, **({"examples": named} if named else {})}
    return {"application/json": content}


def errors(codes: frozenset[str]) -> Schema:
    """Group the codes by status: one response each, as OpenAPI wants it."""
    by_status: dict[int, list[str]] = {}
    for code, (status, _, _) in ERRORS.items():
        if code in codes:
            by_status.setdefault(status, []).append(code)
    problem = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {
            "description": " or ".join(f"`{code}`" for code in names),
            "content": {"application/problem+json": {"schema": problem}},
            **({"headers": {"Retry-After": _RETRY_AFTER}} if any(ERRORS[name][1] for name in names) else {}),
        }
        for status, names in by_status.items()
    }
