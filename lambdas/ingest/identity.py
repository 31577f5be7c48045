"""Who calls: the token's subject or the caller's role, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lambdas.domain.identifiers import ClientId

if TYPE_CHECKING:
    from collections.abc import Mapping

PRICE_SCOPE: Final = "orders:price"
REFUND_SCOPE: Final = "orders:refund"
# IAM decides by route who may call: a policy that lets a role call `POST /v1/orders/*/refunds` is this scope.
_IAM_SCOPES: Final = frozenset({REFUND_SCOPE})
LOCAL_CLIENT_HEADER: Final = "x-orders-client"
LOCAL_SCOPES_HEADER: Final = "x-orders-scopes"
_ASSUMED_ROLE_PARTS: Final = 3


class Unauthenticated(Exception):
    """The request does not say who calls."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A client and its scopes."""

    client: ClientId
    scopes: frozenset[str]


def identify(event: Mapping[str, Any], auth_mode: str) -> Caller:
    """Read the caller from what the API's authorizer established.

    `local` trusts two headers instead; only the settings of the environment `local` allow it.

    Raises:
        Unauthenticated: the authorizer left no identity.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    match auth_mode:
        case "jwt":
            caller = _from_token(authorizer)
        case "iam":
            caller = Caller(ClientId(_role_of((authorizer.get("iam") or {}).get("userArn", ""))), _IAM_SCOPES)
        case "local":
            headers = event.get("headers", {})
            scopes = frozenset(headers.get(LOCAL_SCOPES_HEADER, "").split())
            caller = Caller(ClientId(headers.get(LOCAL_CLIENT_HEADER, "")), scopes)
        case _:
            raise Unauthenticated("no way to authenticate is configured")
    if not caller.client:
        raise Unauthenticated("the caller has no name")
    return caller


def _from_token(authorizer: Mapping[str, Any]) -> Caller:
    token = authorizer.get("jwt") or {}
    claims = token.get("claims") or {}
    # API Gateway lists the route's matched scopes; the claim has all of them, separated by spaces (RFC 8693).
    # Okta and Entra call the claim `scp`; Cognito puts the resource server before the scope's name.
    texts = [str(claims.get("scope", "")), str(claims.get("scp", "")).strip("[]")]
    found = [*(token.get("scopes") or []), *" ".join(texts).split()]
    scopes = frozenset(scope.rpartition("/")[2] for scope in found)
    return Caller(ClientId(claims.get("sub", "")), scopes)


def _role_of(arn: str) -> str:
    """Name the role behind a session: the session's own name is chosen by whoever assumes the role."""
    prefix, _, resource = arn.rpartition(":")
    parts = resource.split("/")
    if parts[0] == "assumed-role" and len(parts) >= _ASSUMED_ROLE_PARTS:
        return f"{prefix}:role/{parts[1]}"
    return arn
