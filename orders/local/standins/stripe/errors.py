"""Stripe's errors, as its v1 API words them (https://docs.stripe.com/api/errors).

Messages marked "seen" were found in answers of the real API that people published; the rest is
Stripe's documentation or our wording. Clients should look at `type`, `code` and the status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.local.standins.messages import Json, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

UNSAFE_CARD_NUMBER = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you "
    "use test tokens that map to the test card you are using, see https://stripe.com/docs/testing. "
    "To enable raw card data APIs in test mode, see "
    "https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."
)


class ApiError(Exception):
    """An answer other than 200.

    Args:
        saved: whether the answer is kept under the idempotency key. It is when the endpoint had
            begun its work; not when the request itself could not be valid, see `idempotency`.
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        saved: bool = True,
        headers: dict[str, str] | None = None,
        **details: object,
    ) -> None:
        super().__init__(message)
        error: Json = {"type": error_type, "message": message, **details}
        if code is not None:
            error |= {"code": code, "doc_url": _doc_url(code)}
        if param is not None:
            error["param"] = param
        self.status = status
        self.saved = saved
        self._error = error
        self._headers = headers

    @property
    def reply(self) -> Reply:
        """The answer on the wire."""
        return Reply.of(self.status, {"error": self._error}, self._headers)


def _doc_url(code: str) -> str:
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid(
    message: str, *, code: str | None = None, param: str | None = None, saved: bool = False
) -> ApiError:
    """400 `invalid_request_error` for a request that cannot be valid; not saved."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, saved=saved)


def refused(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """400 `invalid_request_error` because of how things stand; saved under the key."""
    return invalid(message, code=code, param=param, saved=True)


def unknown_parameters(names: Sequence[str]) -> ApiError:
    """400 `parameter_unknown`. Seen."""
    plural = "s" if len(names) > 1 else ""
    return invalid(
        f"Received unknown parameter{plural}: {', '.join(names)}",
        code="parameter_unknown",
        param=names[0],
    )


def method_types_removed() -> ApiError:
    """400 `payment_method_types_no_longer_supported`, since API 2026-09-30.endive.

    Source: https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
    """
    return invalid(
        "The payment_method_types parameter is no longer supported. Use dynamic payment methods, "
        "or allowed_payment_method_types to limit the types.",
        code="payment_method_types_no_longer_supported",
        param="payment_method_types",
    )


def missing_parameter(name: str) -> ApiError:
    """400 `parameter_missing`. Seen."""
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def no_such(kind: str, object_id: str, *, param: str, in_path: bool) -> ApiError:
    """`resource_missing`: 404 for the object of the URL, 400 for one that a parameter names."""
    return ApiError(
        404 if in_path else 400,
        "invalid_request_error",
        f"No such {kind}: '{object_id}'",
        code="resource_missing",
        param=param,
    )


def unexpected_state(message: str, intent: Json) -> ApiError:
    """400 `payment_intent_unexpected_state` with the intent as it stands. Seen."""
    return ApiError(
        400,
        "invalid_request_error",
        message,
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )


def unsafe_card_number() -> ApiError:
    """402 for a raw card number; the number is not repeated. Seen."""
    return ApiError(402, "invalid_request_error", UNSAFE_CARD_NUMBER, saved=False)


def unauthorized(key: str | None) -> ApiError:
    """401 without a key, or with one that is not accepted; only its last four are repeated."""
    if key is None:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details."
        )
    else:
        message = f"Invalid API Key provided: ****{key[-4:]}"
    return ApiError(401, "invalid_request_error", message, saved=False)


def unrecognized_url(method: str, path: str) -> ApiError:
    """404 for an address that Stripe, or this stand-in, does not have."""
    return ApiError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        saved=False,
    )


def provider_failure(status: int, retry_after: int | None) -> ApiError:
    """A 429 `rate_limit` or a 5xx `api_error`. Only a 500 is saved under the key.

    A 429, 502, 503 or 504 comes from before the endpoint, so nothing was executed.
    """
    if status == 429:  # noqa: PLR2004 - HTTP's Too Many Requests
        return ApiError(
            429,
            "invalid_request_error",
            "Request rate limit exceeded. You can learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            saved=False,
            headers=None if retry_after is None else {"Retry-After": str(retry_after)},
        )
    return ApiError(
        status,
        "api_error",
        "Sorry! There was an error while talking to one of our backends.",
        saved=status == 500,  # noqa: PLR2004 - the status that v1 replays
    )
