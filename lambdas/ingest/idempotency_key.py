"""The `Idempotency-Key` header, as draft-ietf-httpapi-idempotency-key-header has it, or bare."""

from __future__ import annotations

import re
from typing import Final

MAX_LENGTH: Final = 255
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


class InvalidIdempotencyKey(ValueError):
    """The header is missing or cannot be a key; `code` is the API's error code."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep code and detail for the answer."""
        super().__init__(detail)
        self.code = code


def read_idempotency_key(header: str | None) -> str:
    """Return the key; a structured-field string (RFC 8941, section 3.3.3) loses its quotes and escapes."""
    text = (header or "").strip()
    if not text:
        raise InvalidIdempotencyKey("idempotency_key_required", "every POST needs an Idempotency-Key")
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(key) > MAX_LENGTH:
        raise InvalidIdempotencyKey("idempotency_key_too_long", f"at most {MAX_LENGTH} characters")
    if not key.strip() or not _PRINTABLE.fullmatch(key):
        raise InvalidIdempotencyKey("idempotency_key_invalid", "printable ASCII characters only")
    return key
