"""Parts of the OpenAPI document that several routes share."""

from __future__ import annotations

from typing import Any, Final

from lambdas.domain.submission import MAX_TOTAL
from lambdas.ingest.idempotency_key import MAX_LENGTH
from lambdas.ingest.responses import ERRORS

Schema = dict[str, Any]

MINOR: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_TOTAL}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
NULLABLE_TEXT: Final[Schema] = {"type": ["string", "null"]}
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
        "description": f"Names this {thing} for ever; quoted (RFC 8941) or bare.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
    }


def path_parameter(name: str) -> Schema:
    """Describe an id in the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def taken(description: str, schema: str) -> Schema:
    """Describe a 202: accepted, and to be followed at its Location."""
    headers = {
        "Location": {"schema": {"type": "string"}, "description": "Where to follow it"},
        "Retry-After": {"schema": {"type": "string"}, "description": "Seconds until it is worth a look"},
        "Idempotent-Replayed": {
            "schema": {"const": "true"},
            "description": "Set when this key's first answer is given again",
        },
    }
    return {"description": description, "headers": headers, "content": json_of(schema)}


def json_of(schema: str) -> Schema:
    """Refer to a named schema as JSON."""
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


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
        }
        for status, names in by_status.items()
    }
