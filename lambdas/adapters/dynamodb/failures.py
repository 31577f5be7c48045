"""DynamoDB's errors in the domain's words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own, beside HTTPClientError in its tree

from lambdas.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"

# Those that may be retried:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


# Of a cancelled transaction: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_PASSING_REASONS = frozenset(
    {"None", "ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}
)


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise StoreUnavailable for what may pass; let conditions and bugs through as they are."""
    try:
        yield
    except (ConnectionError, HTTPClientError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    except ClientError as error:
        code = error_code(error)
        if code in _TRANSIENT or error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= 500:  # noqa: PLR2004 - HTTP's server errors
            raise StoreUnavailable(code) from error
        raise


def error_code(error: ClientError) -> str:
    """Return AWS's name of the error."""
    return str(error.response["Error"]["Code"])


def is_passing(error: ClientError) -> bool:
    """Tell whether a cancelled transaction may work when it is tried again: nothing in it was wrong."""
    return all(reason["Code"] in _PASSING_REASONS for reason in cancellation_reasons(error))


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Return one reason per action of a cancelled transaction, `{"Code": "None"}` for those not at fault."""
    response: dict[str, Any] = dict(error.response)
    return list(response.get("CancellationReasons", []))
