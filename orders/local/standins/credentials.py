"""Which bearer tokens a stand-in accepts; a control call rotates them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message


class Credentials:
    """Accepts every token with the prefix, until a set of accepted tokens is given.

    A set lives in memory: a restart goes back to the prefix.

    Args:
        prefix: what a token must begin with when no set was given, e.g. `sk_test_`.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._accepted: frozenset[str] | None = None

    def accept_only(self, tokens: Iterable[str] | None) -> None:
        """Accept exactly these tokens; `None` goes back to the prefix."""
        self._accepted = None if tokens is None else frozenset(tokens)

    def accepts(self, token: str) -> bool:
        """Whether a call with this token may go on."""
        if self._accepted is not None:
            return token in self._accepted
        return bool(token) and token.startswith(self._prefix)


def bearer_token(headers: Message) -> str | None:
    """The token of a Bearer or Basic `Authorization` header, or None.

    Stripe takes the key as the user name of Basic authentication too
    (https://docs.stripe.com/api/authentication).
    """
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip() or None
        case "basic":
            try:
                decoded = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
            return decoded.partition(":")[0] or None
        case _:
            return None
