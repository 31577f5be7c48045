"""Calls of Stripe's official library: over our own pool, with a secret that may rotate, errors explained.

Rules of Stripe that this rests on:
- https://docs.stripe.com/api/idempotent_requests: the first answer under a key is saved, 500s included, and
  replayed with `Idempotent-Replayed: true`;
- https://docs.stripe.com/error-low-level: after a network failure or a 5xx the outcome is not known.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import stripe
import urllib3
from stripe import HTTPClient, StripeClient

from lambdas.adapters.http_pool import make_pool
from lambdas.domain.errors import PaymentOutcomeUnknown, ProviderRefused, ProviderUnavailable
from lambdas.domain.payment import StaleKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe import RequestOptions

    from lambdas.adapters.secrets import CachedSecret
    from lambdas.domain.identifiers import OrderId, RefundId

T = TypeVar("T")

_UNAUTHENTICATED: Final = 401
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
# What the library and we run into when a part of an answer is missing or of another type.
_NOT_AS_ASKED: Final = (AttributeError, KeyError, TypeError)


# The library logs every error's message at INFO (it may name the payment method) and whole forms at DEBUG.
logging.getLogger("stripe").setLevel(logging.WARNING)


class PooledHttpClient(HTTPClient):
    """Stripe's HTTP port over urllib3: `requests` would cost 25 ms of cold start and a megabyte."""

    name = "urllib3"

    def __init__(self, pool: urllib3.PoolManager) -> None:
        """Use a pool that retries nothing."""
        super().__init__()
        self._pool = pool

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the library's own signature
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Call once; any failure to get a whole answer is a connection error."""
        try:
            answer = self._pool.request(method, url, headers=headers, body=post_data)
        except urllib3.exceptions.HTTPError as error:
            raise stripe.APIConnectionError(type(error).__name__) from error  # type: ignore[no-untyped-call] # theirs
        except ValueError:
            # http.client names the header's value in its message: it must not get into a log.
            raise ProviderRefused("the provider's key cannot be sent as a header") from None
        # The library logs bytes before it decodes them, and would die of a page that is no UTF-8.
        return answer.data.decode(errors="replace"), answer.status, answer.headers

    def close(self) -> None:
        """Close the pool's connections."""
        self._pool.clear()


@dataclass(slots=True)
class StripeApi:
    """Stripe as the adapters call it; `base` is its address or a stand-in's."""

    secret: CachedSecret
    base: str
    http: PooledHttpClient = field(default_factory=lambda: PooledHttpClient(make_pool()))

    def call(self, call: Callable[[StripeClient], T]) -> T:
        """Call once, and once more with a fresh key when the key is refused.

        `call` reads the answer too: one that has not the parts of what was asked for (a proxy's, perhaps) is
        none. Raises CardError and InvalidRequestError, which are answers to be read, as the library does; for
        anything else PaymentOutcomeUnknown, ProviderUnavailable, ProviderRefused or StaleKey.
        """
        try:
            return self._call_authenticated(call)
        except (stripe.CardError, stripe.InvalidRequestError):
            raise
        except stripe.StripeError as error:
            _explain(error)
        except _NOT_AS_ASKED as error:
            raise PaymentOutcomeUnknown(f"an answer of another kind ({type(error).__name__})") from error

    def _call_authenticated(self, call: Callable[[StripeClient], T]) -> T:
        try:
            return call(self._client())
        except stripe.AuthenticationError:
            self.secret.forget()
            return call(self._client())

    def _client(self) -> StripeClient:
        return StripeClient(
            self.secret.value(),
            base_addresses={"api": self.base},
            http_client=self.http,
            max_network_retries=0,
        )


def options_for(subject: OrderId | RefundId, step: str, generation: int) -> RequestOptions:
    """Give a call its key: the same again for every try, until a next generation is stored."""
    return {"idempotency_key": f"{subject}/{step}/{generation}"}


def is_replayed(error: stripe.StripeError) -> bool:
    """Tell whether an error is the saved answer to an earlier try."""
    return str((error.headers or {}).get("idempotent-replayed", "")).lower() == "true"


def _explain(error: stripe.StripeError) -> NoReturn:
    """Raise what a failed call means; the message holds codes, never the provider's text or our key."""
    name = type(error).__name__
    status = error.http_status or 0
    if status == _UNAUTHENTICATED or isinstance(error, stripe.PermissionError):
        raise ProviderRefused(f"{name} ({status})") from error
    if isinstance(error, stripe.IdempotencyError) and status != _CONFLICT:
        raise ProviderRefused(f"{name}: another request went out under the same key") from error
    if status in {_TOO_MANY, _CONFLICT}:
        raise ProviderUnavailable(f"{name} ({status})") from error
    if status >= _SERVER_ERROR and is_replayed(error):
        raise StaleKey(f"{name} ({status}) is replayed") from error
    raise PaymentOutcomeUnknown(f"{name} ({status or 'no answer'})") from error
