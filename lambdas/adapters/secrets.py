"""Secrets from Secrets Manager, kept for five minutes; a provider that refuses one gets a fresh one once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE_SECONDS: Final = 300


@dataclass(slots=True)
class CachedSecret:
    """One secret's text. `client` is botocore's for Secrets Manager."""

    client: Any
    secret_id: str
    now: Callable[[], float] = time.monotonic
    _value: str = field(default="", repr=False)
    _read_at: float = field(default=float("-inf"))

    def value(self) -> str:
        """Return the secret, read at most five minutes ago."""
        if self.now() - self._read_at >= CACHE_SECONDS:
            try:
                self._value = self.client.get_secret_value(SecretId=self.secret_id)["SecretString"].strip()
            except (BotoCoreError, ClientError) as error:
                raise StoreUnavailable(f"the secret could not be read: {type(error).__name__}") from error
            self._read_at = self.now()
        return self._value

    def forget(self) -> None:
        """Read again at the next use: the provider has refused this value."""
        self._read_at = float("-inf")
