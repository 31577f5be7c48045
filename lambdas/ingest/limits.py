"""What a request may ask for at most; the OpenAPI document says the same."""

from __future__ import annotations

from typing import Final

MAX_BODY_BYTES: Final = 256 * 1024
MAX_PAGE: Final = 100
DEFAULT_PAGE: Final = 20
