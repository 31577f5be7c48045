"""BatchGetItem over any number of keys, with what was left unprocessed asked for again."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

from lambdas.adapters.dynamodb.failures import store_errors
from lambdas.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
MAX_KEYS: Final = 100
_TRIES: Final = 5
_FIRST_DELAY_SECONDS: Final = 0.05


def batch_get(
    client: Any,  # noqa: ANN401 - botocore makes its client classes at run time
    table: str,
    keys: Sequence[dict[str, Any]],
    *,
    consistent: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the items that exist, in no order; raises StoreUnavailable when some stay unprocessed."""
    for start in range(0, len(keys), MAX_KEYS):
        pending = list(keys[start : start + MAX_KEYS])
        for attempt in range(_TRIES):
            with store_errors():
                request = {table: {"Keys": pending, "ConsistentRead": consistent}}
                answer = client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(table, [])
            pending = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not pending:
                break
            time.sleep(random.uniform(0, _FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311 - jitter
        else:
            raise StoreUnavailable(f"{len(pending)} keys stayed unprocessed")
