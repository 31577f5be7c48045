"""AWS's errors in one line for the person at the command line: what failed, and what to do about it."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, the base of every failed connection
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

_LOG_IN: Final = "log in (`aws sso login`, `aws configure`) or name a --profile"
_NO_CREDENTIALS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    LoginError,
    SSOError,
    TokenRetrievalError,
)
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"}
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CREDENTIALS: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})


def explain(error: BotoCoreError | ClientError) -> str:
    """Say in one line why a call to AWS failed and what a person can do."""
    match error:
        case ClientError():
            return _explain_answer(error)
        case ProfileNotFound():
            return f"{error}: `aws configure list-profiles` shows those that there are"
        case NoRegionError():
            return "no region: name one with --region, or give the profile one"
        case _ if isinstance(error, _NO_CREDENTIALS):
            return f"no AWS credentials ({type(error).__name__}): {_LOG_IN}"
        case ConnectionError() | HTTPClientError():
            address = getattr(error, "kwargs", {}).get("endpoint_url", "AWS")
            return f"nobody answers at {address} ({type(error).__name__})"
        case _:
            return " ".join(str(error).split())


def is_denied(error: ClientError) -> bool:
    """Tell whether it is a permission that is missing."""
    return error.response["Error"].get("Code") in _DENIED


def _explain_answer(error: ClientError) -> str:
    code = str(error.response["Error"].get("Code", "Unknown"))
    if is_denied(error):
        return f"access denied: {error.operation_name} needs a permission that this role has not"
    if code in _EXPIRED:
        return f"the AWS credentials have expired: {_LOG_IN}"
    if code in _UNKNOWN_CREDENTIALS:
        return f"AWS does not know the credentials ({code}): {_LOG_IN}"
    if code in _THROTTLED:
        return f"AWS throttles {error.operation_name}: try again in a moment"
    message = " ".join(str(error.response["Error"].get("Message", "")).split())
    return f"{error.operation_name}: {code}" + (f", {message}" if message else "")
